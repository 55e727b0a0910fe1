# SPDX-License-Identifier: Apache-2.0
"""Export files and proofs: what an auditor gets, and the check of it. Never needs the database.

Part of the single-file verifier (single_file.py): imports nothing of the product but its other parts.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import json
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dlpmilter.audit.checking import Check, Result, judge, words
from dlpmilter.audit.merkle import included, leaf_hash, root_of_joined
from dlpmilter.audit.notes import Checkpoint, Key, believed, parse_checkpoints, parse_key
from dlpmilter.audit.record import Bad, Chunk, Field, KeyChange, Record, check_chunk

CHUNK = 4096
LINE_OCTETS = 16 * 1024 * 1024


def record_line(record: Record) -> str:
    """One entry as a line of an export."""
    return json.dumps(
        {
            "seq": record.seq, "day": record.day, "event": record.event, "action": record.action,
            "policy_version": record.policy_version, "leaves": base64.b64encode(record.leaves).decode(),
            "chain": record.chain.hex(), "withheld": sorted(record.withheld),
            "fields": [[one.position, one.name, one.layer, one.salt.hex(), one.value] for one in record.fields],
        },
        ensure_ascii=True, separators=(",", ":"),
    )  # fmt: skip


def parse_record(line: str | bytes) -> Record:
    """What `record_line` wrote. Raises ValueError."""
    try:
        data = json.loads(line)
        leaves = base64.b64decode(data["leaves"], validate=True)
        fields = tuple(
            Field(int(position), str(name), str(layer), bytes.fromhex(salt), str(value))
            for position, name, layer, salt, value in data["fields"]
        )
        if any(not one.salt for one in fields):
            raise ValueError("a field without salt")
        return Record(
            int(data["seq"]), str(data["day"]), str(data["event"]), str(data["action"]), str(data["policy_version"]),
            leaves, root_of_joined(leaves), bytes.fromhex(data["chain"]), fields,
            frozenset(map(int, data["withheld"])),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, binascii.Error, RecursionError) as error:
        raise ValueError(f"a line is not an entry: {type(error).__name__}") from None


def check_export(path: Path, given: Sequence[Key], outside: Sequence[Checkpoint], head: str = "") -> Result:
    """Check an export file. Raises ValueError when it is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(archive.read("manifest.json"))
            own = parse_checkpoints(archive.read("checkpoints.txt").decode())
            keys = [parse_key(each) for each in manifest["keys"]]
            check = Check(own, outside, parse_head(head) if head else None)
            with archive.open("entries.jsonl") as lines:
                return judge(check, _chunks(lines, check), given, keys)
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError, json.JSONDecodeError, NotImplementedError) as error:
        raise ValueError(f"{path.name} is not an export of the trail: {error}") from None


def _chunks(lines: Any, check: Check) -> Iterator[Chunk]:
    while True:
        records: list[Record] = []
        while len(records) < CHUNK and (line := lines.readline(LINE_OCTETS)):
            try:
                records.append(parse_record(line))
            except ValueError as error:
                if records:
                    yield check_chunk(records, watch=check.watched)
                seq = check.seq + 1
                raise Bad(seq, "edited", f"entry {seq} cannot be read: {error}") from None
        if not records:
            return
        yield check_chunk(records, watch=check.watched)


def check_proof(data: Mapping[str, Any], given: Sequence[Key]) -> dict[str, Any]:
    """Check that one entry, and the fields shown of it, are in the tree of a signed checkpoint.

    Raises Bad when they are not, ValueError when this is no proof.
    """
    try:
        record = parse_record(json.dumps(data["entry"]))
        path = [bytes.fromhex(each) for each in data["path"]]
        (checkpoint,) = parse_checkpoints(str(data["checkpoint"]))
        changes = [KeyChange(0, **each) for each in data.get("key_changes", [])]
        from_proof = [parse_key(each) for each in data["keys"]]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"this is not a proof: {error}") from None
    chunk = check_chunk([record])
    if chunk.bad is not None:
        raise chunk.bad
    if included(leaf_hash(record.written()), record.seq - 1, checkpoint.size, path) != checkpoint.root:
        raise Bad(record.seq, "edited", f"entry {record.seq} is not in the tree of the checkpoint")
    key = checkpoint.signed_by(believed(given or from_proof, changes).values())
    if key is None:
        raise Bad(record.seq, "checkpoint-forged", "the checkpoint is not signed by a key that is believed here")
    shown = {one.name: json.loads(one.value) for one in record.fields}
    return {
        "ok": True, "seq": record.seq, "day": record.day, "event": record.event, "action": record.action,
        "fields": shown, "checkpoint": checkpoint.size, "time": checkpoint.time, "key": key.text,
        "keys_from": "given" if given else "proof",
    }  # fmt: skip


def proof_words(found: Mapping[str, Any]) -> str:
    """What a proof shows, as lines."""
    lines = [
        f"Fine: entry {found['seq']} ({found['event']}, {found['day']}) is among the first {found['checkpoint']}",
        f"entries of the trail, signed at {found['time']} by {found['key']}.",
        *(f"{name}: {value}" for name, value in found["fields"].items()),
    ]
    if found["keys_from"] == "proof":
        lines.append("The key was taken from the proof itself. Compare it with the one you were handed.")
    return "\n".join([*lines, ""])


def parse_head(text: str) -> tuple[int, bytes]:
    """Number and chain value of `seq:hex`. Raises ValueError with what is wrong."""
    seq, _, chain = text.partition(":")
    try:
        return int(seq), bytes.fromhex(chain)
    except ValueError:
        raise ValueError(f"{text!r} is not a head: write it as printed, number, colon, hex digits") from None


def read_checkpoints(path: Path) -> list[Checkpoint]:
    """The checkpoints in a file, a saved mail (.eml) or all files of a folder. Raises OSError, ValueError."""
    if path.is_dir():
        return [one for each in sorted(path.iterdir()) if each.is_file() for one in _notes_in(each)]
    found = _notes_in(path)
    if not found:
        raise ValueError(f"{path.name} holds no checkpoint")
    return found


def _notes_in(path: Path) -> list[Checkpoint]:
    data = path.read_bytes()
    if path.suffix != ".eml":
        text = data.decode("utf-8", "replace")
        return parse_checkpoints("\n".join([text, *_notes_of_events(text)]))
    import email.policy  # only for saved mails

    mail = email.message_from_bytes(data, policy=email.policy.default)
    texts = [part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"]
    return parse_checkpoints("\n\n".join(texts))


def _notes_of_events(text: str) -> Iterator[str]:
    """The notes in lines of JSON or syslog: there a line break is escaped."""
    for line in text.splitlines():
        start = line.find("{")
        if start < 0 or '"note"' not in line:
            continue
        try:
            found = json.loads(line[start:])
        except (json.JSONDecodeError, RecursionError):
            continue
        if isinstance(found, dict):
            fields = found.get("fields")
            note = (fields if isinstance(fields, dict) else found).get("note")
            yield from [note] if isinstance(note, str) else []


def main(arguments: Sequence[str]) -> int:
    """The command line of this file alone: 0 fine, 1 not fine, 2 usage."""
    parser = argparse.ArgumentParser(description="Check an export or a proof of dlpmilter's trail.")
    parser.add_argument("export", nargs="?", type=Path)
    parser.add_argument("--proof", type=Path)
    parser.add_argument("--key", action="append", default=[], help="NAME+ID+KEY, as it was handed to you")
    parser.add_argument(
        "--checkpoint", action="append", default=[], type=Path, help="file, mail, folder kept elsewhere"
    )
    parser.add_argument("--head", default="", metavar="SEQ:HEX")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    if (asked.export is None) == (asked.proof is None):
        parser.error("name an export, or a proof with --proof")
    try:
        keys = [parse_key(each) for each in asked.key]
        if asked.proof is not None:
            found = check_proof(json.loads(asked.proof.read_bytes()), keys)
            sys.stdout.write(json.dumps(found) + "\n" if asked.json else proof_words(found))
            return 0
        outside = [one for each in asked.checkpoint for one in read_checkpoints(each)]
        result = check_export(asked.export, keys, outside, asked.head)
    except Bad as bad:
        sys.stderr.write(f"Not fine at entry {bad.seq} ({bad.kind}): {bad}.\n")
        return 1
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(json.dumps(asdict(result)) + "\n" if asked.json else "\n".join([*words(result), ""]))
    return 0 if result.ok else 1
