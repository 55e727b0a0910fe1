# SPDX-License-Identifier: Apache-2.0
"""How well the shipped detectors find things, how often they flag ordinary mail, and how fast they are.

Made-up vectors (tests/detect/vectors.py), public vectors of the shared corpora, 2,500 real mails that are no
spam, speed beside the standard library's `re` with the same patterns. Prints counts, Wilson intervals (95 %)
and names of files and detectors, never a text.
    python -m tests.benchmarks.detectors [--json] [--markdown]
"""

from __future__ import annotations

import argparse
import email
import json
import os
import random
import re
import statistics
import time
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from dlpmilter.detect.patterns import words_pattern
from dlpmilter.model.content import Extract
from tests.detect import vectors as made
from tests.detect.identifiers import iban_digits
from tests.detect.shipped import counts, detectors, specs

CORPORA = Path(os.environ.get("DLPMILTER_CORPORA") or Path(__file__).parents[2] / ".." / "shared" / "corpora")
CHECKED = ("personal", "secret")
"""Groups whose detectors with a validator must stay under 1 % of ordinary mail."""
_Z = 1.959964
_REPEATED = re.compile(r"\$\{'(.)'\.repeat\((\d+)\)\}")
"""How the set writes long values."""


def wilson(hits: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share."""
    if not total:
        return 0.0, 1.0
    share, square = hits / total, _Z * _Z
    middle = (share + square / (2 * total)) / (1 + square / total)
    half = _Z * ((share * (1 - share) + square / (4 * total)) / total) ** 0.5 / (1 + square / total)
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(slots=True)
class Score:
    """Right and wrong answers of one detector on one set."""

    found: int = 0
    missed: int = 0
    false: int = 0
    passed: int = 0
    cross: int = 0
    """Flagged among the right values of all other detectors."""
    missed_names: list[str] = field(default_factory=list)
    false_names: list[str] = field(default_factory=list)

    def add(self, name: str, *, wanted: bool, hit: bool) -> None:
        """Count one text."""
        self.found += wanted and hit
        self.passed += not wanted and not hit
        if wanted and not hit:
            self.missed += 1
            self.missed_names.append(name)
        if hit and not wanted:
            self.false += 1
            self.false_names.append(name)

    def plus(self, other: Score) -> Score:
        """Both sets as one; `cross` stays that of the first."""
        return Score(
            self.found + other.found, self.missed + other.missed, self.false + other.false, self.passed + other.passed,
            self.cross, self.missed_names + other.missed_names, self.false_names + other.false_names,
        )  # fmt: skip

    @property
    def recall(self) -> float:
        """Share of the wanted that was found."""
        return self.found / max(1, self.found + self.missed)

    @property
    def precision(self) -> float:
        """Share of the found that was wanted."""
        return self.found / max(1, self.found + self.false)

    def row(self) -> dict[str, Any]:
        """For --json."""
        return {
            "found": self.found, "missed": self.missed, "false": self.false, "passed": self.passed, "cross": self.cross,
            "recall": wilson(self.found, self.found + self.missed), "precision": wilson(self.found, self.found + self.false),
            "missed_names": self.missed_names, "false_names": self.false_names,
        }  # fmt: skip


@cache
def made_up() -> dict[str, Score]:
    """Each detector on its own vectors; `cross` counts it on the right vectors of the others."""
    scores: dict[str, Score] = {name: Score() for name in made.ALL}
    for name in made.ALL:
        for number, vector in enumerate(made.vectors(name)):
            hits = counts(vector.text)
            scores[name].add(f"{name}-{number}", wanted=vector.wanted, hit=name in hits)
            for other in hits.keys() & scores.keys() - {name} if vector.wanted else ():
                scores[other].cross += 1
    return scores


# --- public vectors ---------------------------------------------------------------------------------------------------

TAX_ID = {
    "de-DE": ("de-tax-id", "Steuer-ID"), "cs-CZ": ("cz-rodne-cislo", "rodné číslo"), "sk-SK": ("cz-rodne-cislo", "rodné číslo"),
    "dk-DK": ("dk-cpr", "CPR"), "es-ES": ("es-nif", "NIF"), "fi-FI": ("fi-hetu", "hetu"), "it-IT": ("it-fiscal-code", "codice fiscale"),
    "nl-NL": ("nl-bsn", "BSN"), "pt-PT": ("pt-nif", "NIF"), "ro-RO": ("ro-cnp", "CNP"), "sv-SE": ("se-personnummer", "personnummer"),
    "en-IE": ("ie-pps", "PPS number"), "fr-BE": ("be-national-number", "numéro national"), "nl-BE": ("be-national-number", "rijksregisternummer"),
}  # fmt: skip
PASSPORT = {"DE": ("de-passport", "Reisepass")}
NOREN = {
    "core-credit-card": "payment-card", "core-email": "email-address", "security-jwt": "jwt", "security-api-keys": "api-token",
}  # fmt: skip


@cache
def published() -> dict[str, dict[str, Score]]:
    """Set -> detector -> score, for the public vectors that are there."""
    found: dict[str, dict[str, Score]] = {}
    for name, run in (("pii-validatorjs", _validatorjs), ("pii-noren", _noren), ("pii-schwifty", _schwifty)):
        folder = CORPORA / name / "data"
        if folder.is_dir():
            found[name] = run(folder)
    return found


def together() -> dict[str, Score]:
    """Detector -> made-up vectors and those of all public sets, for the detectors that have both."""
    found: dict[str, Score] = {}
    for scores in published().values():
        for name, score in scores.items():
            found[name] = found.get(name, made_up()[name]).plus(score)
    return found


def _validatorjs(folder: Path) -> dict[str, Score]:
    scores: dict[str, Score] = defaultdict(Score)
    for entry in json.loads((folder / "validator_vectors.json").read_text(encoding="utf-8")):
        kind, arguments = entry["validator"], str(entry.get("args") or "")
        locale = re.sub(r"[\[\]']", "", arguments)
        target = None
        if kind == "isIBAN" and not arguments:
            target = ("iban", "IBAN")
        elif kind == "isCreditCard" and not arguments:
            target = ("payment-card", "card number")
        elif kind == "isTaxID":
            target = TAX_ID.get(locale)
        elif kind == "isPassportNumber":
            target = PASSPORT.get(locale)
        elif kind == "isJWT":
            target = ("jwt", "Token")
        elif kind == "isEmail" and not arguments:
            target = ("email-address", "")
        if target is None:
            continue
        # "Invalid" addresses of this set hold valid ones, which a search rightly finds.
        for wanted in (True,) if kind == "isEmail" else (True, False):
            for number, value in enumerate(entry.get("valid" if wanted else "invalid", [])):
                name = f"{kind} {locale} {'valid' if wanted else 'invalid'} {number + 1}"
                text = f"{target[1]}: {_REPEATED.sub(lambda found: found[1] * int(found[2]), value)} "
                scores[target[0]].add(name, wanted=wanted, hit=target[0] in counts(text))
    return dict(scores)


def _noren(folder: Path) -> dict[str, Score]:
    scores: dict[str, Score] = defaultdict(Score)
    for stem, detector in NOREN.items():
        for entry in json.loads((folder / "ground-truth" / f"{stem}.json").read_text(encoding="utf-8")):
            scores[detector].add(entry["id"], wanted=bool(entry["annotations"]), hit=detector in counts(entry["text"]))
    return dict(scores)


def _schwifty(folder: Path) -> dict[str, Score]:
    """IBANs of every country's structure, and of 500 German bank codes, right and with a wrong check digit."""
    r = random.Random("schwifty")
    score = Score()
    registry = json.loads((folder / "schwifty/iban_registry/generated.json").read_text(encoding="utf-8"))
    banks = json.loads((folder / "schwifty/bank_registry/generated_de.json").read_text(encoding="utf-8"))
    kinds = {"n": "0123456789", "a": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "c": "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"}
    bodies = []
    for country, entry in sorted(registry.items()):
        parts = re.findall(r"(\d+)!([nac])", entry["bban_spec"])
        for _ in range(3):
            bodies.append((country, "".join(r.choice(kinds[kind]) for count, kind in parts for _ in range(int(count)))))
    bodies += [("DE", f"{each['bank_code']}{r.randrange(10**10):010d}") for each in r.sample(banks, 500)]
    for country, body in bodies:
        check = 98 - iban_digits(body + country + "00")
        for wanted in (True, False):
            digits = check if wanted else (check + r.randint(1, 90)) % 95 + 2
            if not wanted and digits == check:
                continue
            text = f"{country}{digits:02d}{body}"
            spelt = " ".join(text[at : at + 4] for at in range(0, len(text), 4)) if r.random() < 0.5 else text
            score.add(f"{country} {digits:02d}", wanted=wanted, hit="iban" in counts(f"Bitte an {spelt} zahlen."))
    return {"iban": score}


# --- ordinary mail ----------------------------------------------------------------------------------------------------


class _Visible(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)


def mail_texts(raw: bytes) -> list[Extract]:
    """Subject and text parts of one mail, as the sandbox would hand them over."""
    found = email.message_from_bytes(raw)
    extracts = [Extract("", "text/plain", text=str(found.get("Subject", "")))]
    for number, part in enumerate(found.walk()):
        if part.get_content_maintype() != "text":
            continue
        octets = part.get_payload(decode=True)
        text = octets.decode("utf-8", "replace") if isinstance(octets, bytes) else ""
        if "\ufffd" in text and isinstance(octets, bytes):
            text = octets.decode("cp1252", "replace")
        if part.get_content_subtype() == "html":
            visible = _Visible()
            visible.feed(text)
            text = " ".join(visible.pieces)
        extracts.append(Extract(str(number), "text/plain", text=text))
    return extracts


@cache
def ordinary() -> tuple[int, dict[str, dict[str, tuple[int, float]]]]:
    """Number of mails, and detector -> mail -> (count, confidence)."""
    folder = CORPORA / "mail-spamassassin" / "data"
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()] if folder.is_dir() else []
    found: dict[str, dict[str, tuple[int, float]]] = defaultdict(dict)
    for path in files:
        for each in detectors().scan(mail_texts(path.read_bytes())):
            count, confidence = found[each.detector].get(path.name, (0, 0.0))
            found[each.detector][path.name] = (count + each.count, max(confidence, each.confidence))
    return len(files), dict(found)


def must_be_rare() -> set[str]:
    """Detectors with a check (checksum, or shape of a secret)."""
    return {each.id for each in specs() if each.validator and set(CHECKED) & set(each.groups)}


# --- speed ------------------------------------------------------------------------------------------------------------


def office_text(size: int) -> str:
    """German and English business text with something to find every 2,000 characters."""
    r = random.Random("office")
    sentences = (
        "Sehr geehrte Damen und Herren, anbei erhalten Sie die Unterlagen zur Besprechung am Dienstag. ",
        "Bitte prüfen Sie die Angaben und geben Sie uns bis Ende der Woche eine Rückmeldung. ",
        "Die Lieferung erfolgt voraussichtlich in der 34. Kalenderwoche frei Haus. ",
        "We have attached the minutes of the meeting and the updated project plan for your review. ",
        "Für Rückfragen stehen wir Ihnen jederzeit gern zur Verfügung und freuen uns auf das Gespräch. ",
        "The second milestone was reached on time; the remaining items are listed in section 4.2. ",
        "Im Anhang finden Sie außerdem die Übersicht der offenen Punkte aus dem letzten Quartal.\n",
        "Der Vertrag verlängert sich um zwölf Monate, sofern er nicht drei Monate vorher gekündigt wird.\n\n",
    )  # fmt: skip
    names = sorted(made.ALL)
    pieces: list[str] = []
    length = since = 0
    while length < size:
        piece = r.choice(sentences)
        if since > 2000:
            piece += r.choice(made.vectors(r.choice(names), 5)).text + "\n"
            since = 0
        pieces.append(piece)
        length += len(piece)
        since += len(piece)
    return "".join(pieces)


def ham_text(size: int) -> str:
    """Bodies of ordinary mails, one after the other."""
    folder = CORPORA / "mail-spamassassin" / "data"
    pieces: list[str] = []
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.is_file():
            pieces += [each.text for each in mail_texts(path.read_bytes())]
        if sum(map(len, pieces[-40:])) and sum(map(len, pieces)) > size:
            break
    return "\n".join(pieces)[:size]


ROUNDS = 15
REFERENCE_LOOP = 0.05
"""Seconds the reference machine takes for `reference_loop`."""


def reference_loop() -> None:
    """A million squares: how fast this machine is just now, to read the other figures by."""
    total = 0
    for number in range(1_000_000):
        total += number * number


def speed(megabytes: float = 3.0) -> dict[str, dict[str, float]]:
    """Text -> MB/s of CPU time of the whole set, of `re` with the same patterns, and their ratio.

    Best and median of rounds in which everything is measured once, one after the other, with the reference loop.
    """
    stdlib = [
        re.compile(re.sub(r"\\x\{([0-9A-F]+)\}", lambda code: chr(int(code[1], 16)), each))
        for spec in specs()
        for each in spec.patterns
    ]
    stdlib += [re.compile(words_pattern(each.words)) for each in specs() if each.words]
    stdlib += [re.compile(words_pattern(each.context.words)) for each in specs() if each.context]
    size = int(megabytes * 1_000_000)
    texts = {name: text for name, text in (("mail", ham_text(size)), ("office", office_text(size))) if text}
    # In pieces as documents come: one invisible character makes its piece, not all of it, be read twice.
    extracts = {
        name: [Extract(str(at), "text/plain", text=text[at : at + 100_000]) for at in range(0, len(text), 100_000)]
        for name, text in texts.items()
    }
    small = {f"{name} of 4 KB": [Extract("1", "text/plain", text=text[:4000])] for name, text in texts.items()}
    took: dict[str, list[float]] = defaultdict(list)
    for number in range(ROUNDS):
        took["loop"].append(_cpu(reference_loop))
        for name, pieces in extracts.items():
            took[name].append(_cpu(lambda pieces=pieces: detectors().scan(pieces)))
            if number < 3:
                piece = texts[name][:100_000]
                took[f"re {name}"].append(
                    _cpu(lambda piece=piece: [sum(1 for _ in each.finditer(piece)) for each in stdlib])
                )
        for name, pieces in small.items():
            took[name].append(_cpu(lambda pieces=pieces: [detectors().scan(pieces) for _ in range(20)]) / 20)
    found: dict[str, dict[str, float]] = {}
    for name, text in texts.items():
        octets, piece_octets = len(text.encode()), len(text[:100_000].encode())
        ours, theirs = min(took[name]), min(took[f"re {name}"])
        found[name] = {
            "ours": octets / ours / 1e6,
            "median": octets / statistics.median(took[name]) / 1e6,
            "re": piece_octets / theirs / 1e6,
            "ratio": octets / ours / (piece_octets / theirs),
        }
    for name in small:
        found[name] = {"microseconds": min(took[name]) * 1e6, "median": statistics.median(took[name]) * 1e6}
    found["reference loop"] = {
        "milliseconds": min(took["loop"]) * 1e3,
        "median": statistics.median(took["loop"]) * 1e3,
        "reference": REFERENCE_LOOP * 1e3,
    }
    return found


def _cpu(run: Any) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


# --- output -----------------------------------------------------------------------------------------------------------


def percent(hits: int, total: int) -> str:
    """`99.5 % (97.2-99.9)`."""
    low, high = wilson(hits, total)
    return f"{100 * hits / max(1, total):.1f} % ({100 * low:.1f}-{100 * high:.1f})"


def definition_lines() -> list[str]:
    """One line for each shipped detector, as DETECTORS.md lists them."""
    lines = []
    for each in specs():
        asks = []
        if each.context is not None and each.context.required:
            asks.append("a context word")
        asks += [f"a {near.cue} within {near.distance}" for near in each.near]
        if each.minimum > 1:
            asks.append(
                f"{each.minimum} different within {each.within}" if each.within else f"{each.minimum} different"
            )
        if each.validator:
            asks.append(f"check `{each.validator}`")
        sure = f"{each.confidence:g}" if not (each.context and each.context.required) else ""
        if each.context is not None:
            sure += f"{' / ' if sure else ''}{each.confidence_context:g}"
        lines.append(
            f"| `{each.id}` | {each.title_en} | {each.title_de} | {', '.join(each.groups)} | {', '.join(asks)} | {sure} |"
        )
    return lines


def figure_lines() -> list[str]:
    """The lines of DETECTORS.md that do not depend on the machine."""
    lines = []
    for name, score in made_up().items():
        wanted, flagged = score.found + score.missed, score.found + score.false
        lines.append(
            f"| `{name}` | {score.found} of {wanted} | {percent(score.found, wanted)} | {score.false} of "
            f"{score.false + score.passed} | {percent(score.found, flagged)} | {score.cross} |"
        )
    return lines


def public_lines() -> list[str]:
    """One line for each public set and detector."""
    return [
        f"| {name} | `{detector}` | {score.found} of {score.found + score.missed} | "
        f"{score.false} of {score.false + score.passed} |"
        for name, by_detector in published().items()
        for detector, score in sorted(by_detector.items())
    ]


def ordinary_lines() -> list[str]:
    """One line for each detector that flags ordinary mail."""
    total, found = ordinary()
    return [
        f"| `{name}` | {len(mails)} of {total} | {percent(len(mails), total)} |"
        for name, mails in sorted(found.items(), key=lambda each: (-len(each[1]), each[0]))
    ]


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--markdown", action="store_true", help="only the lines of policies/DETECTORS.md")
    options = parser.parse_args()
    total, flagged = ordinary()
    if options.json:
        print(
            json.dumps(
                {
                    "made_up": {name: score.row() for name, score in made_up().items()},
                    "public": {
                        name: {each: score.row() for each, score in scores.items()}
                        for name, scores in published().items()
                    },
                    "ordinary": {"mails": total, "flagged": {name: sorted(mails) for name, mails in flagged.items()}},
                    "speed": speed(),
                }
            )
        )
        return
    if options.markdown:
        print("\n".join(["Detectors", *definition_lines(), ""]))
    print("\n".join(["Made-up vectors", *figure_lines(), "", "Public vectors", *public_lines()]))
    print("\n".join(["", "Ordinary mail", *ordinary_lines()]))
    if options.markdown:
        return
    for name in sorted(must_be_rare() & flagged.keys()):
        print(f"  {name}: {', '.join(sorted(flagged[name]))}")
    for name, scores in published().items():
        for detector, score in sorted(scores.items()):
            for each in score.missed_names:
                print(f"  missed in {name}, {detector}: {each}")
            for each in score.false_names:
                print(f"  false in {name}, {detector}: {each}")
    for name, row in speed().items():
        print(f"{name}: " + ", ".join(f"{key} {value:.1f}" for key, value in row.items()))


if __name__ == "__main__":
    main()
