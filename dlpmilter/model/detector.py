# SPDX-License-Identifier: Apache-2.0
"""What a detector is, as data: patterns, words, validator, context, neighbours. Never matches anything itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Final

GROUPS: Final = ("personal", "contact", "special", "criminal", "secret", "trade-secret", "marker", "own")
"""contact: reaches or names a person; personal: says more; special: GDPR Art. 9; criminal: Art. 10;
secret: credentials; trade-secret: GeschGehG; marker: the document says of itself that it is confidential;
own: the kinds of document a person may have of himself, reported only when nobody else is in it."""

PLACES: Final = ("text", "hidden", "header", "name", "table", "labels")
"""Where a detector looks, in the order in which a value that stands in several of them is counted."""

VALIDATORS: Final = (
    "iban payment-card luhn de-tax-id de-tax-number de-social-insurance de-id-card de-passport de-health-insurance "
    "de-licence-plate at-social-insurance ch-ahv fr-nir it-fiscal-code es-nif nl-bsn pl-pesel uk-nino uk-nhs us-ssn "
    "be-national-number dk-cpr se-personnummer no-fodselsnummer fi-hetu cz-rodne-cislo ie-pps pt-nif ro-cnp mrz phone "
    "email-address birth-date password token private-key jwt connection-string random-text"
).split()
"""Names a definition may give in `validator`; room detect has one function for each."""


TOO_MANY: Final = "too-many-candidates"
"""Finding of a text that offers more than may be looked at: every count of its mail is then only a least one."""


@dataclass(frozen=True, slots=True)
class Context:
    """Words near a value that make it more likely; `required` drops values without them."""

    words: tuple[str, ...]
    distance: int
    """Octets of normalised text before and after the value."""
    required: bool = False


@dataclass(frozen=True, slots=True)
class Near:
    """A cue that must stand within `distance` octets of a value, or the value does not count."""

    cue: str
    distance: int


@dataclass(frozen=True, slots=True)
class Cue:
    """A pattern that is no finding of its own: a person, a date of birth, an amount of money."""

    id: str
    patterns: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DetectorSpec:
    """One detector as its definition file gives it, words already folded into one list."""

    id: str
    title_de: str
    title_en: str
    groups: tuple[str, ...]
    patterns: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    validator: str = ""
    needs: str = ""
    """A piece of text every value holds (`@`, `://`): found at once, so the patterns run around it only."""
    context: Context | None = None
    near: tuple[Near, ...] = ()
    cues: tuple[Cue, ...] = ()
    """The definitions behind `near`, so that a detector stands alone."""
    minimum: int = 1
    """Distinct values needed before it is a finding."""
    within: int = 0
    """0: the `minimum` values may stand anywhere in the mail; else within so many octets of one text."""
    confidence: float = 0.5
    confidence_context: float = 0.5
    """With a context word near the value."""
    places: tuple[str, ...] = PLACES[:-1]


def detectors_digest(specs: Iterable[DetectorSpec]) -> str:
    """SHA-256 over everything a scan rests on, hex; whatever the order and the files of the definitions."""
    form = [asdict(each) for each in sorted(specs, key=lambda each: each.id)]
    return hashlib.sha256(json.dumps(form, sort_keys=True, ensure_ascii=False).encode("utf-8", "replace")).hexdigest()
