# SPDX-License-Identifier: Apache-2.0
"""What the confined child does with ONE file that the admin gives: fingerprints of its text, or what it would hit.

A warm process does this from its first child to its last or never: that is settled when it starts, no request can
change it, and the gate starts none that does. So no mail gets here. Text never leaves the child even so: a document
goes out as keyed hashes of its words, which is all that is stored of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlpmilter.content.formats.base import Budget
from dlpmilter.content.registry import READERS, sniff
from dlpmilter.content.report_wire import pack_report, unpack_report
from dlpmilter.content.walk import HARMLESS, Payload, walk
from dlpmilter.content.wire import _number, _text
from dlpmilter.model.content import ContentReport, Extract
from dlpmilter.model.verdict import PartSummary
from dlpmilter.registers.documents import NO_PRINTS, Prints, prints_of
from dlpmilter.registers.index_file import HASH, hasher
from dlpmilter.registers.tables import count_tables

if TYPE_CHECKING:
    from mmap import mmap

    from dlpmilter.content.analysis import Analysis
    from dlpmilter.model.limits import Limits

_PLAIN = (".txt", ".text", ".csv", ".md")
MAX_PRINTS = 900_000
"""Two hashes in nine words of the longest text that is read (content_text_chars); as hex they fit one answer."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """What one file holds, or what its text is known by."""

    report: ContentReport
    prints: Prints = NO_PRINTS
    table_columns: int = 0


def examine_file(
    data: bytes | mmap, name: str, limits: Limits, analysis: Analysis | None, key: bytes, *, confined: bool
) -> FileReport:
    """Read one file as if it were the only part of a mail. `key`: make fingerprints with it; b"": look it up."""
    budget = Budget(
        octets=limits.content_octets,
        text_chars=limits.content_text_chars,
        members=limits.content_members,
        depth=limits.content_depth,
        ratio=limits.content_ratio,
        member_octets=limits.content_member_octets,
    )
    most = limits.content_member_octets
    status = "read" if len(data) <= most else "too-big"
    plain = not confined and name.lower().endswith(_PLAIN) and b"\0" not in data[:most]
    declared = "text/plain" if plain else ""  # without a sandbox the walk reads only what is said to be text
    payload = Payload("1", bytes(data[:most]), (name,), declared, "", status)
    extracts = walk([payload], budget, READERS, sniff, confined=confined)
    prints = prints_of("\n".join(_seen(each) for each in extracts), hasher(key)) if key else NO_PRINTS
    if len(prints.hashes) > MAX_PRINTS:
        prints = NO_PRINTS
    rows, columns = count_tables(extracts)
    looked = analysis.look(extracts) if analysis is not None else None
    troubles = [each.status for each in extracts if each.status not in HARMLESS]
    report = ContentReport(
        parts=tuple(
            PartSummary(each.path, each.type, each.name, len(each.text) + len(each.hidden), each.status)
            for each in extracts
        ),
        findings=looked.findings if looked is not None else (),
        uninspectable=tuple(dict.fromkeys((*troubles, *(looked.troubles if looked is not None else ())))),
        registers=looked.registers if looked is not None else (),
        fingerprints=looked.fingerprints if looked is not None else (),
        table_rows=max(rows, *(table.rows_total for each in extracts for table in each.tables), 0),
    )
    return FileReport(report, prints, columns)


def _seen(extract: Extract) -> str:
    """What a reader of the document sees: that is what somebody else would copy out of it."""
    return extract.text or "\n".join(" ".join(row) for table in extract.tables for row in table.rows)


def pack_file(found: FileReport) -> bytes:
    """One JSON object: numbers, slugs, names, hashes."""
    said = {
        "report": json.loads(pack_report(found.report)),
        "words": found.prints.words,
        "prints": b"".join(sorted(found.prints.hashes)).hex(),
        "table_columns": found.table_columns,
    }
    return json.dumps(said, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def unpack_file(answer: bytes | bytearray) -> FileReport:
    """Read an answer of a child. Raises ValueError when it is not one."""
    try:
        said: dict[str, Any] = json.loads(answer)
        hashes = bytes.fromhex(_text(said["prints"]))
        if len(hashes) % HASH or len(hashes) > MAX_PRINTS * HASH:
            raise ValueError("the child's answer has no whole hashes")
        report = unpack_report(json.dumps(said["report"]).encode("ascii"))
        each = frozenset(hashes[at : at + HASH] for at in range(0, len(hashes), HASH))
        return FileReport(report, Prints(_number(said["words"]), each), _number(said["table_columns"]))
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"the child's answer is not about a file: {type(error).__name__}") from error
