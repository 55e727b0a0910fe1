# SPDX-License-Identifier: Apache-2.0
"""The history of the schema, for Alembic. Never edited once released."""
