# SPDX-License-Identifier: Apache-2.0
"""What must survive a crash: the database, sealed bodies, keys. Never decides, never speaks SMTP."""
