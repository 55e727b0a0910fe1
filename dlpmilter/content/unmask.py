# SPDX-License-Identifier: Apache-2.0
"""What detectors look at beside the raw text: names, fields and cells in plain letters, numbers put together again.

The one place where this is hooked in, so that it holds for every format. Ordinary text pays a look at each of its
letters and no more. Never replaces what is there; text in plain letters the paper has already (paper.py).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlpmilter.content.formats.fold import folded
from dlpmilter.detect.disguise import Crowded, apart
from dlpmilter.detect.views import HEADER_TYPE, table_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dlpmilter.model.content import Extract

CROWDED = "too-many-candidates"
"""A text with more places that could be a disguised number than may be looked at."""


def unmasked(extracts: Iterable[Extract]) -> tuple[tuple[Extract, ...], tuple[str, ...]]:
    """The extracts with more hidden text, where there is any; and the slugs of what could not be looked at."""
    troubles: dict[str, None] = {}
    found = []
    for each in extracts:
        more = [folded(each.name)]
        if each.type == HEADER_TYPE:
            more.append(folded(each.text))
        more += [folded(table_text(table)) for table in each.tables]
        seen = "\n".join(line for line in (each.text, each.hidden, each.name, *more) if line)
        try:
            more.append(apart(seen))
        except Crowded:
            troubles[CROWDED] = None
        lines = [line for line in more if line]
        found.append(replace(each, hidden="\n".join((each.hidden, *lines))) if lines else each)
    return tuple(found), tuple(troubles)
