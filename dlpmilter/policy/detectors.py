# SPDX-License-Identifier: Apache-2.0
"""Reads detectors/*.toml into detector specs, or says everything that is wrong with them at once.

Own definitions come on top of the shipped ones; `off = ["phone"]` takes a shipped one out, and an own one
may then use its id. Never compiles a pattern itself: the caller hands in `compiles` (room detect).
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from dlpmilter.config import Problem
from dlpmilter.model.detector import Context, Cue, DetectorSpec, Near
from dlpmilter.policy.detector_shape import CueTable, DetectorFile, DetectorTable
from dlpmilter.policy.patterns import refused_text
from dlpmilter.policy.problems import shape_problems
from dlpmilter.policy.terms import did_you_mean

FOLDER: Final = "detectors"
MAX_OCTETS: Final = 1024 * 1024
MAX_DETECTORS: Final = 500

Compiles = Callable[[str], str]
"""A pattern -> one sentence on why it cannot be used, "" when it can."""


@dataclass(slots=True)
class _Found:
    """What the files gave so far, each with the file it stands in."""

    cues: dict[str, tuple[str, CueTable]] = field(default_factory=dict)
    detectors: dict[str, tuple[str, DetectorTable]] = field(default_factory=dict)
    shipped: frozenset[str] = frozenset()
    shipped_cues: frozenset[str] = frozenset()


def load_detectors(
    shipped: Path | None, own: Path | None, problems: list[Problem], *, compiles: Compiles | None = None
) -> tuple[DetectorSpec, ...]:
    """All detectors of the folders `shipped` and `own` (each may be None or absent), by id.

    What is wrong goes to `problems`; then the answer holds what could be used and must not be.
    """
    found = _Found()
    for file, table in _files(shipped, problems):
        _take(file, table, found, problems)
    found.shipped, found.shipped_cues = frozenset(found.detectors), frozenset(found.cues)
    read = [(file, table) for file, table in _files(own, problems) if not _is_copy(Path(file), shipped)]
    for file, table in read:
        _switch_off(file, table, found, problems)
    for file, table in read:
        _take(file, table, found, problems)
    _check(found, problems, compiles)
    if len(found.detectors) > MAX_DETECTORS:
        what = f"there are {len(found.detectors)} detectors, {MAX_DETECTORS} are allowed."
        problems.append(Problem(str(own or shipped), "detector", what, "Put patterns of one kind into one detector."))
    return tuple(_spec(table, found) for _, (_, table) in sorted(found.detectors.items()))


def _is_copy(file: Path, shipped: Path | None) -> bool:
    """Whether an own file is the shipped one, octet for octet: who copies the whole folder changes nothing."""
    original = shipped / file.name if shipped is not None else None
    return original is not None and original.is_file() and original.read_bytes() == file.read_bytes()


def _files(folder: Path | None, problems: list[Problem]) -> Iterator[tuple[str, DetectorFile]]:
    for path in sorted(folder.iterdir()) if folder is not None and folder.is_dir() else ():
        if path.name.startswith(".") or path.name.endswith("~"):
            continue
        if path.suffix != ".toml":
            if path.suffix != ".md":
                fix = f"Name it {path.stem}.toml."
                problems.append(Problem(str(path), "", "is not read.", fix))
            continue
        table = _read(path, problems)
        if table is not None:
            yield str(path), table


def _read(path: Path, problems: list[Problem]) -> DetectorFile | None:
    try:
        if path.stat().st_size > MAX_OCTETS:
            problems.append(Problem(str(path), "", "is larger than 1 MiB.", "Split it."))
            return None
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problems.append(Problem(str(path), "", f"cannot be read ({error.strerror})."))
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        problems.append(Problem(str(path), "", f"is not valid TOML: {error}."))
        return None
    try:
        return DetectorFile.model_validate(data)
    except ValidationError as error:
        problems.extend(shape_problems(str(path), error, DetectorFile, data))
        return None


def _switch_off(file: str, table: DetectorFile, found: _Found, problems: list[Problem]) -> None:
    for each in table.off:
        if each not in found.shipped:
            fix = did_you_mean(each, found.shipped)
            problems.append(Problem(file, "off", f"{each!r} is not a shipped detector.", fix))
        found.detectors.pop(each, None)


def _take(file: str, table: DetectorFile, found: _Found, problems: list[Problem]) -> None:
    for cue in table.cue:
        if cue.id in found.cues:
            what = f"{cue.id!r} stands already in {Path(found.cues[cue.id][0]).name}."
            problems.append(Problem(file, f"cue[{cue.id}]", what, "Choose another id."))
        elif not cue.patterns and not cue.words.all:
            problems.append(Problem(file, f"cue[{cue.id}]", "holds nothing.", "Give it patterns or words."))
        found.cues.setdefault(cue.id, (file, cue))
    for detector in table.detector:
        if detector.id in found.detectors:
            what = f"{detector.id!r} stands already in {Path(found.detectors[detector.id][0]).name}."
            fix = (
                f'To replace the shipped one write off = ["{detector.id}"].'
                if detector.id in found.shipped
                else "Choose another id."
            )
            problems.append(Problem(file, f"detector[{detector.id}]", what, fix))
        found.detectors.setdefault(detector.id, (file, detector))


def _check(found: _Found, problems: list[Problem], compiles: Compiles | None) -> None:
    tables: list[tuple[str, str, CueTable | DetectorTable]] = [
        *((file, f"cue[{name}]", cue) for name, (file, cue) in found.cues.items()),
        *((file, f"detector[{name}]", detector) for name, (file, detector) in found.detectors.items()),
    ]
    for file, key, table in tables:
        for number, pattern in enumerate(table.patterns, start=1):
            what, fix = refused_text(pattern)
            if not what and compiles is not None:
                what = compiles(pattern)
                fix = "The syntax is that of RE2; policies/DETECTORS.md names the bounds." if what else ""
            if what:
                problems.append(Problem(file, f"{key}.patterns[#{number}]", what, fix))
        for near in table.near if isinstance(table, DetectorTable) else ():
            if near.cue not in found.cues:
                fix = did_you_mean(near.cue, found.cues) if found.cues else "Write a [[cue]] with this id."
                problems.append(Problem(file, f"{key}.near", f"{near.cue!r} is not a cue.", fix))


def _spec(table: DetectorTable, found: _Found) -> DetectorSpec:
    near = tuple(Near(each.cue, each.distance) for each in table.near if each.cue in found.cues)
    context = table.context
    return DetectorSpec(
        id=table.id,
        title_de=table.title.de,
        title_en=table.title.en,
        groups=tuple(table.groups),
        patterns=tuple(table.patterns),
        words=table.words.all,
        validator=table.validator,
        needs=table.needs,
        context=Context(context.all, context.distance, context.required) if context else None,
        near=near,
        cues=tuple(_cue(found.cues[name][1]) for name in sorted({each.cue for each in near})),
        minimum=table.minimum,
        within=table.within,
        confidence=table.confidence,
        confidence_context=table.confidence if table.confidence_with_context is None else table.confidence_with_context,
        places=tuple(dict.fromkeys(table.places)),
    )


def _cue(table: CueTable) -> Cue:
    return Cue(table.id, tuple(table.patterns), table.words.all)
