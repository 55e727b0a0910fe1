# SPDX-License-Identifier: Apache-2.0
"""Addresses and display names out of header fields, tolerantly; RFC 5322 groups and comments included.

Headers are evidence only: an address found here never becomes a recipient. Every reading is linear, because
it runs in the event loop on the octets of strangers: at most MAX_FIELD of a field are looked at.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from dlpmilter.mime.quoted import addresses
from dlpmilter.mime.text import decode_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dlpmilter.model.message import Head

MAX_FIELD = 8 * 1024
MAX_ENTRIES = 50
MAX_ADDRESS = 320
"""Characters: 64 of a local part, @, 255 of a domain (RFC 5321 4.5.3.1). What is longer is no address."""
_PATIENCE = 20
"""Openers that never close in one field; each costs a look to its end. After them the rest is not read."""
_COMMENT_DEPTH = 3
"""Comments in comments inside angle brackets."""
_MAX_NAME = 200
_MAX_ASKED, _MAX_FOREIGN, _MAX_FOREIGN_DOMAIN = 400, 20, 100

_PRVS = re.compile(r"(?:prvs|btv1)=[^=]{1,20}=+", re.IGNORECASE)
_TOKENS = {
    '"': re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL),
    "<": re.compile(r'<((?:"(?:[^"\\]|\\.)*+"|[^"<>]++)*+)>', re.DOTALL),
    "[": re.compile(r"\[[0-9A-Za-z:.]{2,64}+\]"),
    "\\": re.compile(r"(?:\\.)++", re.DOTALL),
}
_ATOM = re.compile(r'[^\s"()<>,;:\[\]\\]++')
_NOTHING = re.compile(r"[\s)>\]]++")
_BETWEEN = re.compile(r"[\s,;]++")
_COMMENT_SIGN = re.compile(r"\\.|[()]", re.DOTALL)
_INNER_COMMENT = re.compile(r"\([^()]*+\)")
_PAIR = re.compile(r"\\(.)", re.DOTALL)
_UNQUOTED = re.compile(r'[^\s"(),:;<>@\[\]\\]++')
_PLAIN_MAILBOX = re.compile(r'((?:[^\s"()<>,;:\[\]\\]++ *+)*+)<([^\s"<>]++)> *+')
"""`Anna Berger <anna.berger@corp.example>`, as nearly every From is written: one step instead of five."""
_QUOTED_BYTES = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)


@dataclass(slots=True)
class _Mailbox:
    """One mailbox of a list: its words as written and as shown, the last comment, the text in angle brackets."""

    written: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    comment: str = ""
    angle: str | None = None
    end: int = -1
    """Where the last word ended: what follows without a blank belongs to it, as in `"a b"@c`."""

    def add(self, match: re.Match[str], content: str) -> None:
        """Add a word, or glue it to the one before it."""
        shown = _PAIR.sub(r"\1", content) if "\\" in content else content
        if self.written and match.start() == self.end:
            self.written[-1] += match[0]
            self.shown[-1] += shown
        else:
            self.written.append(match[0])
            self.shown.append(shown)
        self.end = match.end()

    def addresses(self) -> list[str]:
        """Every addr-spec of it; words with blanks round the @ are one address (RFC 5322 4.4)."""
        if self.angle is not None:
            whole = [self.angle] if '"' in self.angle else self.angle[: 2 * MAX_ADDRESS].split()
            return [next(filter(None, map(_addr_spec, whole)), "") or _addr_spec(self.angle)]
        single = [address for word in self.written if (address := _addr_spec(word))]
        return single or [_addr_spec("".join(self.written))]


def addresses_of(value: bytes | None) -> tuple[str, ...]:
    """Everything in a header value that looks like an address, lower case, whatever stands around it."""
    return addresses(decode_words(value[:MAX_FIELD]), MAX_ENTRIES) if value else ()


def addresses_in(value: bytes | None) -> tuple[str, ...]:
    """The addr-specs of an address list (RFC 5322 section 3.4), lower case, in order, no duplicates.

    Unlike `email.utils.getaddresses` it is linear and never recurses: the first 8 KiB and 50 mailboxes
    count. Comments and groups are stepped over, source routes dropped, quoted local parts come without
    needless quotes. Display names never give an address. Never raises.
    """
    return _addresses_in((value or b"")[:MAX_FIELD])


@lru_cache(maxsize=16)
def _addresses_in(value: bytes) -> tuple[str, ...]:
    """Several questions about one mail ask for the same From field; a hostile one costs 15 ms to read."""
    text = value.decode("utf-8", "replace")
    found = dict.fromkeys(address for mailbox in _mailboxes(text) for address in mailbox.addresses() if address)
    return tuple(found)[:MAX_ENTRIES]


def addresses_in_fields(head: Head, names: Iterable[str], most: int) -> Iterator[str]:
    """What looks like an address in the first `most` fields of each name, as far as asking about each is cheap.

    Domains outside ASCII are folded by UTS 46, which takes a third of a millisecond: few of them are asked about.
    """
    asked, foreign = 0, 0
    for value in (value for name in names for value in head.all(name)[:most]):
        for address in addresses_of(value):
            domain = domain_of(address)
            if not domain.isascii() or "xn--" in domain:
                foreign += 1
                if foreign > _MAX_FOREIGN or len(domain) > _MAX_FOREIGN_DOMAIN:
                    continue
            asked += 1
            if asked > _MAX_ASKED:
                return
            yield address


def address_of(value: bytes | None) -> str:
    """The first address in a header value, lower case, or ""; an address in a display name does not count."""
    if not value:
        return ""
    return (addresses_in(value) or addresses_of(_QUOTED_BYTES.sub(b"", value[:MAX_FIELD])) or ("",))[0]


def names_of(value: bytes | None) -> tuple[str, ...]:
    """Display names of a From field, decoded, comments as a last resort (`a@b (Anna Berger)`)."""
    if not value:
        return ()
    found: dict[str, None] = {}
    # latin-1 keeps every octet: words are decoded after the list is split, so their commas split nothing
    for mailbox in _mailboxes(value[:MAX_FIELD].decode("latin-1")):
        if mailbox.angle is None and not any("@" in word for word in mailbox.written):
            continue
        name = _decoded(" ".join(mailbox.shown)) if mailbox.angle is not None else ""
        name = name or _decoded(mailbox.comment)
        if name:
            found.setdefault(name[:_MAX_NAME])
    return tuple(found)


def _decoded(raw: str) -> str:
    return decode_words(raw.encode("latin-1")).strip().strip("'\"").strip()


@lru_cache(maxsize=16)
def _mailboxes(text: str) -> tuple[_Mailbox, ...]:
    """Split an address list in one pass; an opener that never closes is passed over like a blank.

    Addresses and names of one mail's From come from one split; who gets it only reads it.
    """
    plain = _PLAIN_MAILBOX.fullmatch(text)
    if plain is not None:
        words = plain[1].split()
        return (_Mailbox(words, list(words), angle=plain[2]),)
    return tuple(_List(text).read())


class _List:
    """One address list while it is read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: list[_Mailbox] = []
        self.now = _Mailbox()
        self.patience = _PATIENCE
        self.comments = True
        """False after a parenthesis that never closes: what follows it is inside nothing."""

    def read(self) -> list[_Mailbox]:
        position = 0
        while position < len(self.text) and len(self.found) < MAX_ENTRIES and self.patience:
            position = self._step(position, self.text[position])
        self._next()
        return self.found[:MAX_ENTRIES]

    def _step(self, position: int, sign: str) -> int:
        """Read what starts here and tell where the next thing starts."""
        if sign in ",;":
            self._next()
            return _past(_BETWEEN, self.text, position)
        if sign == ":":  # what stood before is the name of a group
            self.now = _Mailbox()
            return position + 1
        if sign == "(":
            return self._comment(position)
        match = _TOKENS.get(sign, _ATOM).match(self.text, position)
        if match is None:
            self.patience -= sign in '"<'
            return max(position + 1, _past(_NOTHING, self.text, position))
        if sign == "<":
            if self.now.angle is not None:  # somebody forgot the comma
                self._next()
            self.now.angle = match[1]
        else:
            self.now.add(match, match[1] if sign == '"' else match[0])
        return match.end()

    def _comment(self, position: int) -> int:
        closed = _comment_end(self.text, position) if self.comments else 0
        self.comments = bool(closed)
        if not closed:
            return position + 1
        self.now.comment = self.text[position + 1 : closed - 1]
        if self.now.end == position:
            self.now.end = closed  # `anna(x)@corp.example` is one word
        return closed

    def _next(self) -> None:
        if self.now.written or self.now.angle is not None:
            self.found.append(self.now)
        self.now = _Mailbox()


def _past(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else position


def _comment_end(text: str, start: int) -> int:
    """The place after the parenthesis that closes the one at `start` (they nest), 0 when none does."""
    depth = 0
    for match in _COMMENT_SIGN.finditer(text, start):
        if match[0] == "(":
            depth += 1
        elif match[0] == ")":
            depth -= 1
            if depth == 0:
                return match.end()
    return 0


def _addr_spec(written: str) -> str:
    """One addr-spec in lower case and without needless quotes, or "" when it is none."""
    text = written.strip()
    if text[:7].lower() == "mailto:":
        text = text[7:]
    if len(text) > MAX_ADDRESS:
        return ""
    if "(" in text and '"' not in text:
        for _ in range(_COMMENT_DEPTH):
            text = _INNER_COMMENT.sub("", text)
    if text.startswith("@"):  # RFC 5321 4.1.1.3: a source route says nothing about the mailbox
        text = text.partition(":")[2]
    local, at, domain = text.rpartition("@")
    if '"' not in local:
        local = "".join(local.split())
    domain = "".join(domain.split()).rstrip(".")
    if not (at and local and _is_domain(domain) and (_UNQUOTED.fullmatch(local) or _is_quoted(local))):
        return ""
    return f"{_plainest(local)}@{domain}".lower()


def _is_domain(domain: str) -> bool:
    return bool(_UNQUOTED.fullmatch(domain) or _TOKENS["["].fullmatch(domain))


def _is_quoted(local: str) -> bool:
    return local.startswith('"') and _TOKENS['"'].fullmatch(local) is not None


def unquoted(local: str) -> str:
    """A local part without quotes and quoted pairs (RFC 5321 4.1.2: they are no part of the mailbox's name)."""
    return _PAIR.sub(r"\1", local[1:-1]) if len(local) > 1 and _is_quoted(local) else local


def canonical_local(local: str) -> str:
    """The one spelling of a local part to compare people by: unquoted, case-folded, no invisible characters."""
    plain = unquoted(local).casefold()
    return plain if plain.isascii() else "".join(each for each in plain if unicodedata.category(each) != "Cf")


def _plainest(local: str) -> str:
    plain = unquoted(local)
    return plain if _UNQUOTED.fullmatch(plain) and "" not in plain.split(".") else local


def domain_of(address: str) -> str:
    """What follows the last @, lower case."""
    return address.rpartition("@")[2].lower()


def local_of(address: str) -> str:
    """What stands before the last @, lower case."""
    return address.rpartition("@")[0].lower()


def plain_sender(address: str) -> str:
    """An envelope sender without what forwarders and bounce taggers add: Gmail caf, BATV (prvs), SRS0.

    For SRS the address is that of the author outside, so the caller must know what he asks for.
    """
    local, _, domain = address.rpartition("@")
    local = _PRVS.sub("", local, count=1)
    if "+caf_=" in local:
        local = local.partition("+caf_=")[0]
    return f"{local}@{domain}" if domain else address


def is_srs(address: str) -> bool:
    """Whether a forwarder rewrote this sender: SRS0 and SRS1, or the form Exchange Online writes."""
    return local_of(address).startswith(_SRS)


_SRS = ("srs0=", "srs0+", "srs0-", "srs1=", "srs1+", "srs1-", "bounces+srs=")
