# SPDX-License-Identifier: Apache-2.0
"""dlpmilter: the hop that asks before business mail leaves for a private mailbox."""

__version__ = "0.1.0"
