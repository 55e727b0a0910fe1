# SPDX-License-Identifier: Apache-2.0
"""The whole check of a trail: entries in order, erasures, checkpoints, keys. Never repairs, never trusts it.

Without a given key it says that the key came with the trail itself; only checkpoints kept elsewhere prove that
nothing before them was rewritten. Part of the single-file verifier (single_file.py).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dlpmilter.audit.merkle import Peaks
from dlpmilter.audit.notes import Checkpoint, Key, believed, both_signed
from dlpmilter.audit.record import GENESIS, Bad, Chunk, KeyChange, Rollback, link, numbers

LIMITS = (
    "What lies behind the last checkpoint kept elsewhere can be cut off or rewritten by who may write the database and "
    "sign, and that cannot be seen from here. Invented entries appended at the end cannot be seen at all: whoever may "
    "write the database can add to it. Checkpoints kept elsewhere in short intervals say between which two of them an "
    "entry was added."
)


@dataclass(frozen=True, slots=True)
class Result:
    """What the check found. `seq` is the first bad position, None when all is well."""

    ok: bool
    entries: int
    values: int
    erased: int
    withheld: int
    sealed: int
    checkpoints: int
    """Checkpoints of the trail itself that fit and are signed by a believed key."""
    signed_until: int
    """Entries covered by them."""
    proven_until: int
    """Entries covered by a checkpoint that was kept elsewhere: nobody can have changed them since."""
    tail: int
    """The unprotected tail: entries after the last checkpoint kept elsewhere."""
    keys: tuple[str, ...] = ()
    keys_from: str = ""
    """`given` or `export`: who says that these are the right keys."""
    seq: int | None = None
    kind: str = ""
    problem: str = ""
    head: str = ""
    """Number and chain value of the last good entry, as `seq:hex`."""
    remarks: tuple[str, ...] = ()
    limits: str = LIMITS


class Check:
    """Puts chunks together, in order, and compares the growing tree with checkpoints."""

    def __init__(
        self, own: Sequence[Checkpoint], outside: Sequence[Checkpoint], noted: tuple[int, bytes] | None = None
    ) -> None:
        self.own, self.outside, self._noted = list(own), list(outside), noted
        self._wanted: dict[int, list[tuple[Checkpoint, bool]]] = {}
        for one, kept_elsewhere in [*((each, False) for each in own), *((each, True) for each in outside)]:
            self._wanted.setdefault(one.size, []).append((one, kept_elsewhere))
        self._peaks = Peaks()
        self._proven = self._fits = self._mismatched = 0
        self.seq, self.chain = 0, GENESIS
        self.fields = self.sealed = self.withheld = self.erased = 0
        self.missing: dict[int, int] = {}
        self.changes: list[KeyChange] = []
        self.rollbacks: list[Rollback] = []
        self.mismatch: Bad | None = None
        self.remarks: list[str] = []

    def add(self, chunk: Chunk) -> None:
        """The next chunk. Raises Bad at the first entry that is not right."""
        if chunk.first != self.seq + 1:
            what = f"entry {self.seq + 1} is missing; the next one there is {chunk.first}"
            raise Bad(self.seq + 1, "deleted" if chunk.first > self.seq + 1 else "inserted", what)
        if chunk.hashes and link(self.chain, chunk.first_written) != chunk.first_chain:
            what = "its chain value does not follow from the one before"
            raise Bad(chunk.first, "edited", f"entry {chunk.first} was edited, inserted or moved: {what}")
        for leaf in chunk.hashes:
            self._peaks.add(leaf)
            if self._peaks.size in self._wanted:
                self._compare(self._peaks.size)
        self.fields += chunk.fields
        self.sealed += chunk.sealed
        self.withheld += chunk.withheld
        self.missing |= chunk.missing
        self.changes += chunk.changes
        self.rollbacks += chunk.rollbacks
        for named in chunk.erased:
            self._excuse(named)
        if chunk.hashes:
            self.seq, self.chain = chunk.last, chunk.last_chain
        if self._noted and chunk.watched and chunk.watched != self._noted[1]:
            raise Bad(self._noted[0], "rewritten", "the trail up to here is not the one whose head was noted down")
        if chunk.bad is not None:
            raise chunk.bad

    @property
    def watched(self) -> int:
        """The entry whose chain value was noted down, 0 for none."""
        return self._noted[0] if self._noted else 0

    def _compare(self, size: int) -> None:
        root = self._peaks.root()
        for one, kept_elsewhere in self._wanted[size]:
            if one.root == root:
                if kept_elsewhere:
                    self._proven = size
                self._fits = size
                continue
            # own checkpoints may be forged together with the entries: they bound nothing for one kept elsewhere
            after = self._proven if kept_elsewhere else self._fits
            which = "a checkpoint kept elsewhere" if kept_elsewhere else "its signed checkpoint"
            what = (
                f"an entry between {after + 1} and {size} was changed and everything after it computed "
                f"anew: {which} of {size} entries says otherwise"
            )
            if self.mismatch is None or after + 1 < self.mismatch.seq:
                self.mismatch = Bad(after + 1, "rewritten", what)
                self._mismatched = size

    def _why(self, size: int, otherwise: str) -> str:
        """Entries that the trail itself says were lost are no silent gap."""
        lost = any(each.kept < size <= each.lost_until for each in self.rollbacks)
        return "rolled-back" if lost else otherwise

    def _excuse(self, named: Mapping[str, Any]) -> None:
        for seqs, positions in named.items():
            mask = 0
            for position in numbers(positions):
                mask |= 1 << position
            for seq in numbers(seqs):
                gone = self.missing.get(seq, 0)
                self.erased += (gone & mask).bit_count()
                if gone & ~mask:
                    self.missing[seq] = gone & ~mask
                else:
                    self.missing.pop(seq, None)

    def finish(self, given: Sequence[Key], from_export: Sequence[Key] = ()) -> tuple[list[Key], int, int, int]:
        """What can only be said at the end. Raises Bad. Keys, good checkpoints, signed until, proven until."""
        if self.missing:
            seq = min(self.missing)
            position = (self.missing[seq] & -self.missing[seq]).bit_length()
            what = f"field number {position} of entry {seq} is missing and no entry says it was erased"
            raise Bad(seq, "deleted", what)
        until = max(self.watched, *(one.size for one in [*self.outside, *self.own]), 0)
        if until > self.seq:
            what = f"entry {self.seq + 1} is missing: there once were {until}"
            raise Bad(
                self.seq + 1,
                self._why(until, "truncated"),
                f"{what}; the end was cut off, or an old backup was restored",
            )
        keys = list(believed(given or from_export, self.changes).values())
        good = [one for one in self.own if one.signed_by(keys)]
        proven = [one for one in self.outside if one.signed_by(keys)]
        for one in [*self.own, *self.outside]:
            if one not in good and one not in proven:
                which = "kept elsewhere" if one in self.outside else "of the trail"
                what = f"the checkpoint {which} with {one.size} entries is not signed by a key that is believed here"
                raise Bad(one.size, "checkpoint-forged", what)
        if self.mismatch is not None:
            self.mismatch.kind = self._why(self._mismatched, self.mismatch.kind)
            raise self.mismatch
        return keys, len(good), max((one.size for one in good), default=0), max((one.size for one in proven), default=0)

    def remark(self, keys: Sequence[Key]) -> None:
        """What is worth knowing although it is no change."""
        ordered = sorted(self.own, key=lambda one: one.size)
        for before, after in itertools.pairwise(ordered):
            if after.time < before.time:
                when = f"between {before.time} ({before.size} entries) and {after.time} ({after.size} entries)"
                self.remarks.append(f"the clock went back {when}")
        names = {key.text for key in keys}
        for change in self.changes:
            if change.old and change.new in names and not both_signed(change):
                what = "the signing key was replaced without the signature of the one before"
                self.remarks.append(f"at entry {change.seq} {what}")
        for each in self.rollbacks:
            what = f"entries {each.kept + 1} to {each.lost_until} of an earlier trail were lost in a restored backup"
            self.remarks.append(f"entry {each.seq} says that {what}")


def judge(check: Check, chunks: Iterable[Chunk], given: Sequence[Key], from_export: Sequence[Key] = ()) -> Result:
    """Check every chunk and say how it ended."""
    keys: list[Key] = []
    counts = (0, 0, 0)
    bad: Bad | None = None
    try:
        for chunk in chunks:
            check.add(chunk)
        keys, *numbers_ = check.finish(given, from_export)
        counts = (numbers_[0], numbers_[1], numbers_[2])
    except Bad as error:
        early = check.mismatch
        bad = early if early is not None and early.seq < error.seq else error
    check.remark(keys)
    return Result(
        bad is None, check.seq, check.fields, check.erased, check.withheld, check.sealed, *counts,
        check.seq - counts[2], tuple(key.text for key in keys), "given" if given else "export" if keys else "",
        bad.seq if bad else None, bad.kind if bad else "", bad.problem if bad else "",
        f"{check.seq}:{check.chain.hex()}", tuple(check.remarks),
    )  # fmt: skip


def words(result: Result) -> list[str]:
    """The result as sentences."""
    if not result.ok:
        return [
            f"Not fine at entry {result.seq} ({result.kind}): {result.problem}.",
            *([f"The {result.entries} entries before it are fine."] if result.seq == result.entries + 1 else []),
        ]
    hidden = f"Not looked at: {result.withheld} fields left out of the export, {result.sealed} sealed ones."
    lines = [
        f"Fine: {result.entries} entries, {result.values} fields, {result.erased} erased as recorded.",
        *([hidden] if result.withheld or result.sealed else []),
        f"Signed: the first {result.signed_until} entries, by {result.checkpoints} checkpoints.",
        f"Proven: the first {result.proven_until} entries, by checkpoints kept elsewhere."
        if result.proven_until
        else "Proven: none, because no checkpoint kept elsewhere was given (--checkpoint).",
        f"Unprotected tail: {result.tail} entries. {result.limits}",
        f"Head: {result.head}",
    ]
    if result.keys_from == "export":
        lines.append("The key was taken from what was checked. Compare it with the one you were handed:")
    lines += [f"Key: {each}" for each in result.keys]
    return [*lines, *(f"Note: {each}." for each in result.remarks)]
