# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter demo`: sample mails through the real product on loopback. Never fakes a result.

What it reports is what its sink received and what the product's trail and cases hold.
"""
