# SPDX-License-Identifier: Apache-2.0
"""All that the confined child does with one mail: structure, parts, members, scanners, one report.

Runs in the sandbox. Text stays here; the report has counts, slugs and names. Never raises for a mail, never
judges it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from dlpmilter.content.analysis import NOBODY, Analysis, Looked
from dlpmilter.content.formats.base import Budget
from dlpmilter.content.payloads import header_extracts, payloads_of
from dlpmilter.content.registry import READERS, sniff
from dlpmilter.content.unmask import unmasked
from dlpmilter.content.walk import BY_OCR, DOUBTS, HARMLESS, walk
from dlpmilter.content.weigh import attachments, documents, image_only, text_chars, without_noise
from dlpmilter.mime.mapped import forget
from dlpmilter.mime.structure import read_structure
from dlpmilter.mime.views import read_views
from dlpmilter.model.content import ContentReport, Extract
from dlpmilter.model.verdict import Finding, PartSummary

if TYPE_CHECKING:
    from mmap import mmap

    from dlpmilter.content.ocr import Ocr
    from dlpmilter.content.walk import Picture
    from dlpmilter.detect.own import OwnPerson
    from dlpmilter.model.limits import Limits
    from dlpmilter.model.message import Structure
    from dlpmilter.model.views import Views


@dataclass(frozen=True, slots=True)
class Sight:
    """How pictures are read. `first` gets the report without them: if reading them ends this process, it counts."""

    ocr: Ocr
    first: Callable[[ContentReport], None]


Scanner = Callable[[tuple[Extract, ...]], tuple[Finding, ...]]
"""Looks at everything that was read out of one mail."""

OWN_DOCUMENT = "own-document"
_AGAIN, _RESERVE = 1.5, 0.3
"""After OCR all texts are looked at once more: that much of the time it took before is kept back, and seconds."""


def examine(
    message: bytes | mmap,
    limits: Limits,
    scanners: Sequence[Scanner] = (),
    *,
    analysis: Analysis | None = None,
    own: OwnPerson = NOBODY,
    confined: bool = True,
    sight: Sight | None = None,
) -> ContentReport:
    """Read everything in one mail. What could not be read, or a scanner could not look at, is named.

    `own` is the person who sends, for documents about himself alone. With `sight`, pictures are read after all else.
    """
    started = time.monotonic()
    structure = read_structure(message, limits)
    forget(message)
    views = read_views(message, structure, limits)
    forget(message)
    budget = Budget(
        octets=limits.content_octets,
        text_chars=limits.content_text_chars,
        members=limits.content_members,
        depth=limits.content_depth,
        ratio=limits.content_ratio,
        member_octets=limits.content_member_octets,
    )
    pictures: list[Picture] | None = [] if sight is not None and confined else None
    extracts = walk(payloads_of(views, limits), budget, READERS, sniff, confined=confined, pictures=pictures)
    look = partial(_reported, structure=structure, views=views, scanners=scanners, analysis=analysis, own=own)
    report = look(extracts)
    if sight is None or not pictures:
        return report
    sight.first(report)
    now = time.monotonic()
    until = min(now + sight.ocr.seconds, started + limits.content_seconds - _AGAIN * (now - started) - _RESERVE)
    found = sight.ocr.read(extracts, pictures, budget, until)
    return _no_favour(look(found.extracts, seen=found.letters), report) if found.texts else report


def _no_favour(report: ContentReport, without: ContentReport) -> ContentReport:
    """What OCR guessed right or wrong counts against a mail; that a document is one's own it cannot show."""
    if any(each.detector == OWN_DOCUMENT for each in without.findings):
        return report
    return replace(report, findings=tuple(each for each in report.findings if each.detector != OWN_DOCUMENT))


def _reported(
    extracts: tuple[Extract, ...],
    *,
    structure: Structure,
    views: Views,
    scanners: Sequence[Scanner],
    analysis: Analysis | None,
    own: OwnPerson,
    seen: int = 0,
) -> ContentReport:
    """What stands in these extracts; `seen` are letters that were recognised in pictures."""
    extracts = without_noise(extracts, views)
    troubles = dict.fromkeys([*views.uninspectable, *(["encrypted"] if structure.encrypted else [])])
    troubles |= dict.fromkeys(each.status for each in extracts if each.status not in HARMLESS)
    findings: list[Finding] = []
    looked, slug = _looked(analysis, (*header_extracts(views), *extracts), own)
    troubles |= dict.fromkeys((*looked.troubles, *([slug] if slug else [])))
    for scanner in scanners:
        try:
            findings += scanner(extracts)
        except MemoryError:
            troubles["out-of-memory"] = None
        except Exception:  # noqa: BLE001 - one scanner's mistake must neither end the mail nor pass it
            troubles["scanner-failed"] = None
    return ContentReport(
        parts=_summaries(structure, extracts),
        findings=(*looked.findings, *findings),
        uninspectable=tuple(troubles),
        doubts=_in_order([*views.doubts, *(each.status for each in extracts if each.status in DOUBTS)]),
        registers=looked.registers,
        fingerprints=looked.fingerprints,
        table_rows=max(looked.table_rows, *(table.rows_total for each in extracts for table in each.tables), 0),
        attachments=attachments(extracts, views),
        documents=documents(extracts, views),
        text_chars=text_chars(extracts),
        image_only=image_only(extracts, views, seen, BY_OCR),
    )


def _looked(analysis: Analysis | None, extracts: tuple[Extract, ...], own: OwnPerson) -> tuple[Looked, str]:
    """What detectors and indexes see, and the slug of why they could not look."""
    if analysis is None:
        return Looked(), ""
    try:
        seen, troubles = unmasked(extracts)
        looked = analysis.look(seen, own)
        return replace(looked, troubles=(*looked.troubles, *troubles)), ""
    except MemoryError:
        return Looked(), "out-of-memory"
    except Exception:  # noqa: BLE001 - a detector's mistake must neither end the mail nor pass it
        return Looked(), "scanner-failed"


def _in_order(slugs: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(slugs))


def _summaries(structure: Structure, extracts: tuple[Extract, ...]) -> tuple[PartSummary, ...]:
    """Each extract, and the parts that only hold others, in the order of the tree."""
    opened = {each.path for each in extracts}
    holders = [
        PartSummary(each.path, each.type, each.name, 0, "read") for each in structure.parts if each.path not in opened
    ]
    read = [
        PartSummary(each.path, each.type, each.name, len(each.text) + len(each.hidden), each.status)
        for each in extracts
    ]
    rank = {each.path: place for place, each in enumerate(structure.parts)}
    last = len(rank)
    return tuple(sorted([*holders, *read], key=lambda each: rank.get(each.path.partition("!")[0], last)))
