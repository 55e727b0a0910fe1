# SPDX-License-Identifier: Apache-2.0
"""The DPO's room: condition language, rules, address classes, loading. Never judges a mail, never sends one."""
