# SPDX-License-Identifier: Apache-2.0
"""What we write to people: notices (domain.md section 5) and delivery reports (RFC 3464).

Never sends, never opens a store, never quotes a body, never accuses, names no portal that does not
exist.
"""
