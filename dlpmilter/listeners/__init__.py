# SPDX-License-Identifier: Apache-2.0
"""The front doors: protocol only. Never has an opinion about a mail."""
