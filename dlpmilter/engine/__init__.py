# SPDX-License-Identifier: Apache-2.0
"""The judge: pure functions from transaction, head, structure, facts and policy to a verdict. Never acts."""
