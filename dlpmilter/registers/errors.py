# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a register, as sentences for the person at the command line. Never quotes a cell."""

from __future__ import annotations


class RegisterError(ValueError):
    """A file cannot be used; the text says which, where, what is wrong and what to do. Never holds a value."""


class SourceError(RegisterError):
    """A table to register has a mistake; the text names row and column."""


class IndexUnusable(RegisterError):
    """An index is damaged, of another version, or its key is missing."""
