# SPDX-License-Identifier: Apache-2.0
"""What leaves the house: the next hop's sessions and the outbox. Never judges a mail."""
