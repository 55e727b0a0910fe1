# SPDX-License-Identifier: Apache-2.0
"""Registered data sets and documents, known by keyed hashes only. Never stores a value, never judges."""
