# SPDX-License-Identifier: Apache-2.0
"""Finds personal data, secrets and markings in extracted text. Pure: never reads a file, never keeps a match."""
