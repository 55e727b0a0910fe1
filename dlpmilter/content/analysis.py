# SPDX-License-Identifier: Apache-2.0
"""What looks at the texts of a mail: detectors, registered data, fingerprints. One for each warm process.

Made before the sandbox closes, for it reads definitions and maps indexes; afterwards it touches no file. It never
lets a text out: findings, row numbers and shares are all it gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlpmilter.config import ConfigError, Problem
from dlpmilter.detect.own import OwnPerson
from dlpmilter.detect.scan import DetectorSet
from dlpmilter.model.detector import TOO_MANY
from dlpmilter.policy.detectors import load_detectors
from dlpmilter.registers.documents import Documents, match_documents
from dlpmilter.registers.match import Register, match
from dlpmilter.registers.tables import count_tables

if TYPE_CHECKING:
    from dlpmilter.model.content import Extract, FingerprintHit, RegisterHit
    from dlpmilter.model.limits import Limits
    from dlpmilter.model.verdict import Finding

NOBODY = OwnPerson()


@dataclass(frozen=True, slots=True)
class Settings:
    """What a warm process needs to look at mails; small enough for one message.

    `registers` and `documents` are paths of indexes with their keys in hex: a process that opens documents of
    strangers has the keys of the indexes and never the key file.
    """

    detectors: tuple[str, ...] = ()
    """Folders of definitions: the shipped one, then one's own."""
    registers: tuple[tuple[str, str], ...] = ()
    documents: tuple[str, str] | None = None
    one_file: str | None = None
    """None: mails are examined. Else this warm process takes files of the admin and no mail (one_file.py): the key of
    their fingerprints in hex, "" to look them up instead."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What was seen in one mail."""

    findings: tuple[Finding, ...] = ()
    registers: tuple[RegisterHit, ...] = ()
    fingerprints: tuple[FingerprintHit, ...] = ()
    table_rows: int = 0
    troubles: tuple[str, ...] = ()
    """Slugs of what could not be looked at to the end."""


class Analysis:
    """Detectors and indexes, compiled and mapped."""

    def __init__(
        self, detectors: DetectorSet, registers: Sequence[Register] = (), documents: Documents | None = None
    ) -> None:
        self._detectors = detectors
        self._registers = tuple(registers)
        self._documents = documents

    def look(self, extracts: Sequence[Extract], own: OwnPerson = NOBODY) -> Looked:
        """Look at everything that was read out of one mail."""
        hits = (match(each, extracts) for each in self._registers)
        findings = self._detectors.scan(extracts, own if own.names else None)
        return Looked(
            findings=tuple(each for each in findings if each.detector != TOO_MANY),
            troubles=(TOO_MANY,) if any(each.detector == TOO_MANY for each in findings) else (),
            registers=tuple(hit for hit in hits if hit is not None),
            fingerprints=match_documents(self._documents, extracts) if self._documents is not None else (),
            table_rows=count_tables(extracts)[0],
        )


def analysis_of(settings: Settings, limits: Limits) -> Analysis:
    """Read definitions, open indexes. Raises ConfigError, IndexUnusable."""
    problems: list[Problem] = []
    shipped, own = (*(Path(each) for each in settings.detectors), None, None)[:2]
    specs = load_detectors(shipped, own, problems)
    if problems:
        raise ConfigError(problems)
    registers = [Register(Path(path), bytes.fromhex(key), verify=False) for path, key in settings.registers]
    documents = None
    if settings.documents is not None:
        path, key = settings.documents
        documents = Documents(Path(path), bytes.fromhex(key), verify=False)
    return Analysis(DetectorSet(specs, limits), registers, documents)


def settings_from(data: Mapping[str, Any]) -> Settings:
    """Settings out of the JSON the gate sends to its own process."""
    documents = data["documents"]
    return Settings(
        tuple(data["detectors"]),
        tuple((path, key) for path, key in data["registers"]),
        (documents[0], documents[1]) if documents else None,
        data["one_file"],
    )
