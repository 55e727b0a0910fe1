# SPDX-License-Identifier: Apache-2.0
"""The values that flow down the line: frozen, standard library only. Never does anything."""
