# SPDX-License-Identifier: Apache-2.0
"""Verdict to edits and sends, as data. Pure: never sends, stores or looks anything up."""
