# SPDX-License-Identifier: Apache-2.0
"""Whatever walks a body runs here, in confined worker processes. Never judges."""
