# SPDX-License-Identifier: Apache-2.0
"""What the law asks of a record about people: proof, access, breaches, reports. Never decides about a mail."""
