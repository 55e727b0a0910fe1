# SPDX-License-Identifier: Apache-2.0
"""Readers of document formats, one file a family. They run in the sandbox only and never write anything."""
