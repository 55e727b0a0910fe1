# SPDX-License-Identifier: Apache-2.0
"""Held mail: placed, decided by people, released or ended. Never judges a mail, never speaks SMTP."""
