# SPDX-License-Identifier: Apache-2.0
"""The command line: one file a command group. Never holds logic another room needs."""
