# SPDX-License-Identifier: Apache-2.0
"""Bytes of a mail to structure and text, linear and within limits. Never decides, never touches disk or network."""
