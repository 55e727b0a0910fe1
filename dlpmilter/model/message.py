# SPDX-License-Identifier: Apache-2.0
"""What the parsers saw of one mail: header fields, parts, quoted mails. Offsets and facts, never body text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FieldSpan = tuple[str, int, int, int]
"""Lower-case name, first octet of the field, first octet of its value, octet after its line end."""


@dataclass(frozen=True, slots=True)
class HeaderField:
    """One header field as received: `value` is raw (folded, line end included); offsets into the block."""

    name: str
    value: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Head:
    """A header block. Fields are unfolded when asked for, never before; duplicates are kept in order.

    `problems` are slugs that make the head unreadable for a judge (too big, too many fields);
    `doubts` are slugs on which mail programs disagree (a stray line, a NUL).
    """

    raw: bytes
    spans: tuple[FieldSpan, ...] = ()
    places: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    size: int = 0
    """Octets of the block with its empty line: the body starts here."""
    problems: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[HeaderField, ...]:
        """Every field in order."""
        return tuple(
            HeaderField(
                self.raw[start:value].split(b":", 1)[0].strip().decode("latin-1"), self.raw[value:end], start, end
            )
            for _, start, value, end in self.spans
        )

    def all(self, name: str) -> tuple[bytes, ...]:
        """The unfolded values of every field of that name (any letter case), in order."""
        return tuple(self._value(place) for place in self.places.get(name.lower(), ()))

    def get(self, name: str) -> bytes | None:
        """The unfolded value of the first field of that name, None when there is none."""
        places = self.places.get(name.lower())
        return self._value(places[0]) if places else None

    def __contains__(self, name: str) -> bool:
        return name.lower() in self.places

    def _value(self, place: int) -> bytes:
        _, _, value, end = self.spans[place]
        raw = self.raw[value:end].strip()
        if b"\n" in raw:
            raw = b"".join(line.rstrip(b"\r") for line in raw.split(b"\n"))  # RFC 5322 2.2.3: remove the CRLF only
        return raw


@dataclass(frozen=True, slots=True)
class Part:
    """One node of the MIME tree. Offsets count octets of the message; of an embedded mail that had
    to be decoded first (`decoded`), they are those of the part that held it.
    """

    path: str
    type: str
    names: tuple[str, ...] = ()
    """Every name the sender gave it: filename, filename*, name, name*."""
    header_start: int = 0
    body_start: int = 0
    body_end: int = 0
    encoding: str = ""
    charset: str = ""
    disposition: str = ""
    decoded: bool = False
    attachment: bool = False
    text_chars: int = 0
    status: str = "skipped"
    """`read`, `skipped`, or the slug of what kept us from reading it."""

    @property
    def name(self) -> str:
        """The first name, or ""."""
        return self.names[0] if self.names else ""


@dataclass(frozen=True, slots=True)
class QuotedMail:
    """Traces of an earlier mail inside this one, in reading order.

    `style` is forward-marker, original-message, header-block, attribution, quote-lines, markup or
    attached; `signal` names the exact form. `senders` and `receivers` are the addresses that stood in
    the quoted From and To/Cc, lower case; `nameless` tells that some of them had a name only.
    `above` says what the writer put before the first trace of a text: "nothing", "signature" (closing
    words or a program's own line), "handing-on" (a short note that hands a mail on: FYI, zur Kenntnis),
    "note" (short), "text" (long, or between quoted lines); "" for later traces.
    `topic` is a short digest of the quoted subject, to compare only.
    """

    style: str
    signal: str
    part: str
    level: int = 0
    """Depth of `>` before it; 0 when it stands in the text itself."""
    senders: tuple[str, ...] = ()
    receivers: tuple[str, ...] = ()
    nameless: bool = False
    above: str = ""
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Structure:
    """The MIME tree of one mail and what stood out in it; small, and free of body text."""

    parts: tuple[Part, ...] = ()
    attachments: int = 0
    quotes: tuple[QuotedMail, ...] = ()
    uninspectable: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    """Slugs of what mail programs read differently; any of them makes the mail ambiguous."""
    encrypted: bool = False
    signed: bool = False
    calendar: bool = False
    invitation: bool = False
    """A calendar object that is the mail itself (iMIP, RFC 6047), not a file attached to it."""
    attached_mail: bool = False
    digest: bool = False
    report: str = ""
    """The report-type of a multipart/report (RFC 6522), lower case."""
    report_body: tuple[int, int] | None = None
    """Octets of the returned mail's body inside a report, when it can be cut out."""

    @property
    def ambiguous(self) -> bool:
        """Whether two mail programs may show different mails."""
        return bool(self.doubts)
