# SPDX-License-Identifier: Apache-2.0
"""Writing an export and proofs from the database. Never writes a personal field unless it was asked for.

What is left out is named per entry, so that a verifier can tell it from what is missing.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from dlpmilter.audit import sequencer, tree
from dlpmilter.audit.bundle import record_line
from dlpmilter.audit.fields import Layer
from dlpmilter.audit.notes import parse_key
from dlpmilter.audit.record import Field, Record
from dlpmilter.storage import checkpoint_rows, trail_rows

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from dlpmilter.audit.notes import Key
    from dlpmilter.storage.trail_rows import EntryRow, ValueRow

FORMAT = "dlpmilter-trail-1"
README = """This is an export of the trail of dlpmilter: entries.jsonl (one entry a line), checkpoints.txt
(signed notes, C2SP tlog-checkpoint) and manifest.json. Check it with the single-file verifier, which
`dlpmilter audit verifier` prints and which comes with each release:

    python verify_trail.py THIS.zip --key "NAME+ID+KEY" --checkpoint KEPT-ELSEWHERE.txt

Take key, verifier and checkpoints from somebody else than who gave you this file.
"""


def write_export(
    conn: Connection,
    path: Path,
    keys: Sequence[Key],
    *,
    personal: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> int:
    """Write everything into one new file (mode 0600) and return the number of entries. Raises OSError.

    `conn` must stay in one transaction, so that the export is the trail of one moment.
    """
    last = trail_rows.last(conn)
    hidden = frozenset() if personal else frozenset({Layer.vault.value})
    draft = path.with_name(f".{path.name}.part")
    descriptor = os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    try:
        with (
            os.fdopen(descriptor, "wb") as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as out,
        ):
            manifest = {"format": FORMAT, "entries": last, "personal": personal, "keys": [key.text for key in keys]}
            out.writestr("manifest.json", json.dumps(manifest, indent=1))
            out.writestr("README.txt", README)
            out.writestr("checkpoints.txt", "\n".join(checkpoint_rows.notes(conn)))
            with out.open("entries.jsonl", "w", force_zip64=True) as lines:
                for row, values in trail_rows.entries(conn, 0, last):
                    lines.write(record_line(_record(row, values, hidden)).encode() + b"\n")
                    if row.seq % 1000 == 0 or row.seq == last:
                        progress(row.seq, last)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return last


def _record(row: EntryRow, values: Sequence[ValueRow], hidden: frozenset[str]) -> Record:
    shown = tuple(
        Field(one.position, one.name, one.layer, one.salt, one.value)
        for one in values
        if one.layer not in hidden and not one.sealed
    )
    withheld = frozenset(one.position for one in values) - {one.position for one in shown}
    return Record(
        row.seq, row.day, row.event, row.action, row.policy_version, row.leaves, row.fields_root, row.chain,
        shown, withheld,
    )  # fmt: skip


def proof_of(conn: Connection, seq: int, names: frozenset[str] | None, keys: Sequence[Key]) -> dict[str, Any]:
    """That one entry is in the tree of a signed checkpoint, with the named fields (None: all that name no person).

    Raises ValueError when there is no such entry, or no checkpoint that covers it yet.
    """
    found = next(trail_rows.entries(conn, seq - 1, seq), None)
    if found is None:
        raise ValueError(f"there is no entry {seq}; the last one is {trail_rows.last(conn)}")
    row, values = found
    unknown = (names or frozenset()) - {one.name for one in values if not one.sealed}
    if unknown:
        raise ValueError(f"entry {seq} has no field {', '.join(sorted(unknown))} that could be shown")
    newest = checkpoint_rows.newest(conn)
    if newest is None or newest[0] < seq:
        raise ValueError(f"no checkpoint covers entry {seq} yet; `dlpmilter audit checkpoint` signs one")
    chosen = [one for one in values if (one.name in names if names is not None else one.layer != Layer.vault.value)]
    record = _record(row, chosen, frozenset())
    left_out = frozenset(one.position for one in values) - {one.position for one in chosen}
    record = Record(
        row.seq, row.day, row.event, row.action, row.policy_version, row.leaves, row.fields_root, row.chain,
        record.fields, left_out | _erased(row, values),
    )  # fmt: skip
    return {
        "format": "dlpmilter-proof-1",
        "entry": json.loads(record_line(record)),
        "path": [each.hex() for each in tree.inclusion(conn, seq - 1, newest[0])],
        "checkpoint": newest[2],
        "keys": [key.text for key in keys],
        "key_changes": _key_changes(conn),
    }


def _erased(row: EntryRow, values: Sequence[ValueRow]) -> frozenset[int]:
    return frozenset(range(len(row.leaves) // 32)) - {one.position for one in values}


def _key_changes(conn: Connection) -> list[dict[str, str]]:
    """Every change of the signing key, so that who trusts an earlier key can follow."""
    changes = []
    for _, values in trail_rows.by_number(conn, sequencer.key_changes(conn)):
        found = {one.name: json.loads(one.value) for one in values}
        changes.append({
            "old": found["key-old"], "new": found["key-new"],
            "signed_by_old": found["signature-old"], "signed_by_new": found["signature-new"],
        })  # fmt: skip
    return changes


def own_keys(conn: Connection) -> list[Key]:
    """The key this trail says it is signed with now."""
    text = trail_rows.noted(conn, sequencer.KEY)
    return [parse_key(text)] if text else []
