# SPDX-License-Identifier: Apache-2.0
"""Finds the traces of earlier mails in the text of a part: markers, header blocks, attribution lines.

Says what stands there and in which order; whether that makes a reply or a forward is the engine's
to judge. Keeps addresses only, never text.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from dlpmilter.mime.quote_words import FORWARDED, LABELS, MARKUP, ORIGINAL, WROTE
from dlpmilter.mime.written_above import own_words
from dlpmilter.model.message import QuotedMail

MAX_QUOTES = 40
MAX_ADDRESSES = 200
MAX_LINE = 4000
BELOW_LINES = 200
BLOCK_LINES = 40
"""Lines a quoted header block may take with its folded address lists."""

_MAX_LOCAL, _MAX_DOMAIN = 128, 254
_UNBROKEN = re.compile(r"[^\s<>,;:\"'()\[\]|]++")
"""What an address may stand in; looking for the @ only there takes one step an octet."""
_PREFIX = re.compile(r"[>|\s\ufeff]*")
_SHORTEST = 5
"""No marker or attribution without a colon is shorter."""
_LABEL_FRAME = "*_>| \t\xa0\ufeff"
_FRAME = "-–—_*=#~>+ \t"


def _phrases(words: tuple[str, ...]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_MARKER = re.compile(
    rf"([-–—_*=#~>+ \t]*+)(?:(?P<fwd>{_phrases(FORWARDED)})|(?P<orig>{_phrases(ORIGINAL)}))(.*)", re.DOTALL
)
_FIRST_MARKER_LETTERS = frozenset(word[0] for word in (*FORWARDED, *ORIGINAL))
_WROTE = re.compile(rf"(?<!\w)(?:{_phrases(WROTE)})(?!\w)", re.IGNORECASE)
_FRAME_SIGNS = "-–—_*="
_DASHES = re.compile(rf"[{_FRAME_SIGNS}]{{2,}}")
_FRAMED = re.compile(rf"[>|\s\ufeff]*+[{_FRAME_SIGNS}]{{2,}}+\s*+(?:{_phrases(FORWARDED + ORIGINAL)})", re.IGNORECASE)
_FRAMED_FIRST = frozenset(">|\ufeff" + _FRAME_SIGNS)
"""What a framed marker can begin with, blanks aside."""
_QUOTE_LINE = re.compile(r"^[ \t]*>", re.MULTILINE)
_SENTENCE = re.compile(r"[a-zäöüß]{3}[.!?]\s+[A-ZÄÖÜ]")


class _Line(NamedTuple):
    level: int
    text: str


class _Lines:
    """The lines of a text without their quote marks, cleaned only when looked at."""

    def __init__(self, text: str) -> None:
        self.raw = text.splitlines()
        self._clean: dict[int, _Line] = {}

    def __len__(self) -> int:
        return len(self.raw)

    def __getitem__(self, at: int) -> _Line:
        line = self._clean.get(at)
        if line is None:
            raw = self.raw[at]
            prefix = _PREFIX.match(raw)
            end = prefix.end() if prefix else 0
            line = self._clean[at] = _Line(raw.count(">", 0, end), raw[end : end + MAX_LINE].rstrip())
        return line


def read_quotes(text: str, part: str) -> tuple[QuotedMail, ...]:
    """Every trace of an earlier mail in one text, in reading order, at most 40."""
    lines = _Lines(text)
    found: list[QuotedMail] = []
    at = 0
    for here in _promising(lines.raw, text):
        if here < at or not _interesting(lines.raw[here]):
            continue
        quote, at = _quote_at(lines, here, part)
        if quote is not None:
            if not found:
                quote = _with_own_words(lines, here, quote)
            found.append(quote)
            if len(found) == MAX_QUOTES:
                break
    if not found and text.count(">") > 1 and sum(1 for _ in islice(_QUOTE_LINE.finditer(text), 2)) > 1:  # a quote
        found.append(QuotedMail("quote-lines", "quote-lines", part, 1))
    return tuple(found)


def _promising(raw: list[str], text: str) -> list[int]:
    """The lines worth a look: all others, nearly all of a long text, are none of `_interesting`."""
    if "\uff1a" not in text and not _may_frame(text):  # as most texts are: one look at each line is enough
        return [here for here, line in enumerate(raw) if ":" in line]
    return [
        here
        for here, line in enumerate(raw)
        if ":" in line or line.lstrip()[:1] in _FRAMED_FIRST or "---" in line or "\uff1a" in line
    ]


def _may_frame(text: str) -> bool:
    """Whether two signs of a frame stand side by side: without them no line without a colon is interesting."""
    signs = [sign for sign in _FRAME_SIGNS if sign in text]
    return any(one + other in text for one in signs for other in signs)


def _interesting(raw: str) -> bool:
    """Whether a line can be a label, the end of an attribution, or a marker between dashes."""
    cut = raw.find(":")
    if cut < 0:
        cut = raw.find("\uff1a")
    if cut < 0:
        return len(raw) > _SHORTEST and (raw.rstrip().endswith("---") or _FRAMED.match(raw) is not None)
    return (
        raw[max(0, cut - 40) : cut].strip(_LABEL_FRAME).lower() in LABELS
        or raw.rstrip(_LABEL_FRAME).endswith((":", "\uff1a", "---"))
        or _FRAMED.match(raw) is not None
    )


def read_markup(tags: str, part: str) -> tuple[QuotedMail, ...]:
    """What the tags of an HTML text say about quoted mail, in the order of their first places.

    Mail programs leave their own class and id names there; the same words in the text mean nothing.
    """
    lower = tags.lower()
    places = ((lower.find(needle), style, signal) for needle, style, signal in MARKUP)
    return tuple(QuotedMail(style, signal, part) for place, style, signal in sorted(places) if place >= 0)


def addresses(value: str, most: int = MAX_ADDRESSES) -> tuple[str, ...]:
    """Addresses in a header value or a quoted line, lower case, in order, no duplicates."""
    found: dict[str, None] = {}
    for run in _UNBROKEN.findall(value[: MAX_LINE * 8]):
        if "@" not in run:
            continue
        pieces = run.lstrip("@").split("@")
        for local, after in zip(pieces[::2], pieces[1::2], strict=False):
            domain = after.partition("*")[0][:_MAX_DOMAIN]
            if local and domain:
                found.setdefault(f"{local[-_MAX_LOCAL:]}@{domain}".strip(".*_").removeprefix("mailto:").lower())
            if len(found) >= most:
                return tuple(found)
    return tuple(found)


def topic_of(subject: str) -> str:
    """Digest of a subject's letters and digits without its last prefix, to tell equal ones; "" when too short."""
    letters = "".join(char for char in subject[-200:].rpartition(":")[2].casefold() if char.isalnum())
    return hashlib.sha256(letters.encode()).hexdigest()[:12] if len(letters) >= _SHORTEST else ""


def _quote_at(lines: _Lines, at: int, part: str) -> tuple[QuotedMail | None, int]:
    level, text = lines[at]
    if not text:
        return None, at + 1
    marker = _marker(text)
    if marker is not None:
        return _with_block(lines, at, replace(marker, part=part, level=level))
    role = _label(text)[0]
    if role in ("from", "subject", "date"):
        block = _block(lines, at)
        if block is not None:
            roles, end = block
            senders, receivers, nameless = _people(roles)
            topic = topic_of(roles.get("subject", ""))
            return QuotedMail(
                "header-block", "header-block", part, level, senders, receivers, nameless, topic=topic
            ), end
    if _ends_attribution(text):
        return _attribution(lines, at, part)
    return None, at + 1


def _with_own_words(lines: _Lines, at: int, quote: QuotedMail) -> QuotedMail:
    """What stands before the first trace, and whether an attribution opens an indented copy."""
    if quote.style == "attribution":
        at = _attribution_start(lines, at)
        if _indented_below(lines, at):
            quote = replace(quote, signal="indented-attribution")
    return replace(quote, above=own_words(lines.raw[:at]))


def _indented_below(lines: _Lines, at: int) -> bool:
    """Outlook for Mac 2019 sets the whole mail it sends on four blanks in, without `>`; an answer has own lines."""
    after = at + 1
    while after < len(lines) and not _ends_attribution(lines[after - 1].text):
        after += 1
    below = [raw for raw in lines.raw[after : after + BELOW_LINES] if raw.strip()]
    return bool(below) and all(raw[:2].isspace() for raw in below) and ">" not in below[0][:8]


def _marker(text: str) -> QuotedMail | None:
    folded = text[:400].lower().replace("i\u0307", "i")  # Turkish capital dotted I
    head = folded.lstrip(_FRAME)
    if not head or head[0] not in _FIRST_MARKER_LETTERS:
        return None
    match = _MARKER.match(folded)
    if match is None:
        return None
    framed = bool(_DASHES.search(match[1]))
    rest = match[4].strip(_FRAME)
    style, phrase = ("forward-marker", match["fwd"]) if match["fwd"] else ("original-message", match["orig"])
    alone = not rest or rest in (":", "：") or (phrase == "start på videresendt" and rest.endswith(":"))
    if not alone and not (framed and (phrase in ("forwarded by", "weitergeleitet von", "inoltrato da") or ":" in rest)):
        return None
    if not framed and style == "original-message" and not rest:
        return None  # the two words alone on a line are a heading of anything
    found = addresses(rest)
    return QuotedMail(style, phrase.replace(" ", "-"), "", 0, found[:1], found[1:])


def _with_block(lines: _Lines, at: int, quote: QuotedMail) -> tuple[QuotedMail, int]:
    """A marker takes the addresses of the header block that follows it within a few lines."""
    for near in range(at + 1, min(at + 6, len(lines))):
        if _label(lines[near].text)[0]:
            block = _block(lines, near, strict=False)
            if block is None:
                break
            senders, receivers, nameless = _people(block[0])
            topic = topic_of(block[0].get("subject", ""))
            return replace(quote, senders=senders, receivers=receivers, nameless=nameless, topic=topic), block[1]
    return quote, at + 1


def _label(text: str) -> tuple[str, str]:
    """Role and value when the line reads `Label: value`, else two empty strings."""
    cut = text.find(":", 0, 32)
    if cut < 0:
        cut = text.find("：", 0, 32)  # the colon of Chinese and Japanese mail programs
        if cut < 0:
            return "", ""
    role = LABELS.get(text[:cut].strip("*_ \t\xa0").lower(), "")
    return role, text[cut + 1 :].strip("*_ \t")


def _block(lines: _Lines, at: int, *, strict: bool = True) -> tuple[dict[str, str], int] | None:
    """Consecutive labelled lines with From and two more labels (one more after a marker)."""
    roles: dict[str, str] = {}
    last, end, blanks, loose = "", at, 0, 0
    for here in range(at, min(at + BLOCK_LINES, len(lines))):
        text = lines[here].text
        role, value = _label(text)
        if not text:
            blanks += 1
            if blanks > 2:  # HTML paragraphs leave up to two
                break
            continue
        if role:
            if role in roles and role != "other":
                break
            roles[role], last, end, blanks, loose = value, role, here + 1, 0, 0
        elif (
            last in ("to", "cc", "from")
            and not blanks
            and loose < 20
            and ("@" in text or text.endswith((",", ";", ">")))
        ):
            roles[last] += " " + text
            end, loose = here + 1, loose + 1
        elif last and not roles[last] and not blanks:
            roles[last] = text  # value on the next line: table cells
            end = here + 1
        else:
            break
    enough = 3 if strict else 2
    if (
        "from" not in roles
        or len(roles.keys() - {"other"}) < enough
        or (strict and not roles.keys() & {"date", "subject"})
    ):
        return None
    return roles, end


def _people(roles: dict[str, str]) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    senders = addresses(roles.get("from", ""))[:1]
    listed = [roles.get("to", ""), roles.get("cc", "")]
    receivers = addresses(" ".join(listed))
    names = sum(1 for value in listed for piece in re.split(r"[;,]", value[:MAX_LINE]) if piece.strip())
    return senders, receivers, not senders or names > len(receivers)


def _attribution(lines: _Lines, at: int, part: str) -> tuple[QuotedMail | None, int]:
    """`On <date> <name> wrote:`, also broken over a few lines; asks for a digit or an address.

    Called at the line that ends it; the verb stands there or in the two lines before.
    """
    verb = at
    while not _WROTE.search(lines[verb].text):
        verb -= 1
        if verb < max(0, at - 2) or not lines[verb].text or not _mentions_someone(lines[verb + 1].text):
            return None, at + 1
    start = _attribution_start(lines, verb)
    whole = " ".join(lines[near].text for near in range(start, at + 1))[-600:]
    own = " ".join(lines[near].text for near in range(verb, at + 1))
    if not any(char.isdigit() or char == "@" for char in whole) or _SENTENCE.search(own):
        return None, at + 1
    found = addresses(whole)
    return QuotedMail("attribution", "attribution", part, lines[at].level, found[:1], found[1:], not found), at + 1


def _attribution_start(lines: _Lines, verb: int) -> int:
    """The first line of an attribution whose verb stands in this one: at most three lines up."""
    start = verb
    while start > max(0, verb - 3) and lines[start - 1].text and not _opens(lines[start].text):
        start -= 1
    return start


def _ends_attribution(text: str) -> bool:
    tail = text[-40:].rstrip("*_ \t\xa0")
    return tail.endswith((":", "\uff1a", "---"))


def _mentions_someone(text: str) -> bool:
    return "@" in text or "<" in text or len(text) < 60  # the rest of a broken line is short


_OPENERS = ("on ", "am ", "le ", "il ", "el ", "op ", "em ", "w dniu ", "den ", "dne ", "dňa ", "---")


def _opens(text: str) -> bool:
    return text[:8].lower().startswith(_OPENERS) or text[:1].isdigit()
