# SPDX-License-Identifier: Apache-2.0
"""The trail: what was done to recorded mail, tamper-evident. Never holds text of a mail, never acts."""
