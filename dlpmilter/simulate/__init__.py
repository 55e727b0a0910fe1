# SPDX-License-Identifier: Apache-2.0
"""Policies tried on mail files: archives, golden mails. Never sends, stores or changes a mail."""
