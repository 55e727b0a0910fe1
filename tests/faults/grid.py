# SPDX-License-Identifier: Apache-2.0
"""The fault grid of hop.md section 3: every way a next hop can fail, at every verb, and what must follow.

`cells()` is the table, `play` runs one cell against a hop under test and writes down what was said;
`judge` holds the notes against the table. Never asks the hop under test how it went: what was
delivered is what the faulty hop accepted, what is held comes from the caller.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.peers.faulty_hop import CLOSE, GARBAGE, HANG, Act, FaultyHop, drips, says
from tests.peers.inject import FORWARDED, message
from tests.peers.wire import Gone, Wire, stuffed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tests.peers.faulty_hop import Received

ENHANCED = {421: "4.3.2", 450: "4.2.0", 451: "4.3.5", 452: "4.3.1", 550: "5.7.1", 552: "5.2.3", 554: "5.6.0"}
BEFORE_MAIL = ("refuse", "connect", "ehlo")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: where, what the hop does, and the code it says (None when it says nothing of use)."""

    name: str
    point: str
    act: Act | None
    code: int | None = None
    text: str = ""

    @property
    def permanent(self) -> bool:
        """Whether the hop refuses this mail for good; a greeting is about the hop, never about a mail."""
        return self.code is not None and self.code >= 500 and self.point not in (*BEFORE_MAIL, "rset", "quit")

    @property
    def harmless(self) -> bool:
        """Whether the mail passes all the same."""
        return self.point in ("rset", "quit", "none")


def _coded(point: str, code: int) -> Fault:
    text = f"{ENHANCED[code]} scripted {code} at {point}"
    return Fault(f"{point}-{code}", point, says(f"{code} {text}"), code, text)


def faults() -> list[Fault]:
    """Every fault of the table."""
    found = [Fault("none", "none", None), Fault("refuse", "refuse", None)]
    for point in ("connect", "ehlo", "mail", "rcpt", "data", "dot"):
        found += [_coded(point, code) for code in (421, 450, 550, 554)]
        found += [Fault(f"{point}-close", point, CLOSE), Fault(f"{point}-hang", point, HANG)]
        found.append(Fault(f"{point}-garbage", point, GARBAGE))
    found += [_coded(point, code) for point in ("mail", "dot") for code in (451, 452)]
    found += [_coded(point, code) for point in ("rcpt", "dot") for code in (552,)]
    many = "450 4.7.1 first line\n450 4.7.1 second line"
    found.append(Fault("dot-450-lines", "dot", says(many), 450, "4.7.1 first line\n4.7.1 second line"))
    many = "550 5.7.1 first line\n550 5.7.1 second line"
    found.append(Fault("dot-550-lines", "dot", says(many), 550, "5.7.1 first line\n5.7.1 second line"))
    found.append(Fault("body-close", "body", CLOSE))
    found.append(Fault("dot-drip", "dot", drips("250 2.0.0 one octet at a time", 0.25)))
    found.append(Fault("dot-late", "none", says("250 2.0.0 late", after=0.4)))
    for point in ("quit", "rset"):
        found += [Fault(f"{point}-{name}", point, act) for name, act in (
            ("550", says("550 5.0.0 no")), ("421", says("421 4.3.2 no")), ("close", CLOSE), ("garbage", GARBAGE),
        )]  # fmt: skip
    return found


@dataclass(frozen=True, slots=True)
class Cell:
    """One square of the grid."""

    fault: Fault
    recipients: int
    """How many the next hop is asked about: 1, or 3 that it answers 250, 450 and 550."""
    mixed: bool
    """Whether one more recipient is held by us."""
    number: int

    @property
    def name(self) -> str:
        return f"{self.fault.name}-{self.recipients}-{'mixed' if self.mixed else 'pass'}"

    @property
    def alone(self) -> bool:
        """Whether the fault meets every connection, so that no other cell may run beside it."""
        return self.fault.point in (*BEFORE_MAIL, "rset", "quit")

    @property
    def sender(self) -> bytes:
        return b"anna.c%03d@corp.example" % self.number

    @property
    def partner(self) -> bytes:
        return b"einkauf.c%03d@partner.example" % self.number

    @property
    def private(self) -> bytes:
        """The sender's own box at a freemail provider: this one is held."""
        return b"anna.c%03d@gmx.de" % self.number

    @property
    def everyone(self) -> tuple[bytes, ...]:
        others = (b"busy.c%03d@partner.example" % self.number, b"gone.c%03d@partner.example" % self.number)
        return (self.partner, *(others if self.recipients == 3 else ()), *((self.private,) if self.mixed else ()))

    @property
    def mail(self) -> bytes:
        subject = "WG: Angebot" if self.mixed else "Re: Angebot"
        text = FORWARDED if self.mixed else "Guten Tag,\nanbei das Angebot.\n.\n..\n"
        to = [each.decode() for each in self.everyone]
        return message(f"c{self.number:03d}", self.sender.decode(), to, subject=subject, text=text)


RECIPIENTS = {b"busy.": says("450 4.2.1 mailbox busy"), b"gone.": says("550 5.1.1 no such user")}


def cells() -> list[Cell]:
    """The whole grid. Those that must run alone come first, so that no pause of the outbox falls among them."""
    found = [(fault, count, mixed) for fault in faults() for count in (1, 3) for mixed in (False, True)]
    table = [Cell(*each, number) for number, each in enumerate(found)]
    return sorted(table, key=lambda cell: not cell.alone)


@dataclass(slots=True)
class Notes:
    """What was said in one cell, and later what became of the mail."""

    mail: tuple[int, str] = (0, "")
    rcpt: dict[bytes, tuple[int, str]] = field(default_factory=dict)
    end: tuple[int, str] | None = None
    """The reply to DATA or to the final dot; None when there was nobody to send it to."""
    hung_up: bool = False
    accepted: list[Received] = field(default_factory=list)
    """What the faulty hop had promised to deliver when the cell was over."""
    delivered: list[Received] = field(default_factory=list)
    """The same once everything owed was settled."""
    held: Collection[bytes] = ()
    reports: list[Received] = field(default_factory=list)
    """Delivery reports of ours to the sender."""


def play(cell: Cell, port: int, hop: FaultyHop) -> Notes:
    """Send the cell's mail through the hop under test on `port`."""
    notes = Notes()
    with contextlib.suppress(Gone, ConnectionError), Wire(port, seconds=30) as wire:
        wire.reply()
        if not cell.mixed:
            _begin(cell, hop)
        wire.ask(b"EHLO client.corp.example")
        _talk(cell, wire, hop, notes)
        notes.hung_up = False
    notes.accepted = hop.accepted(cell.sender)
    return notes


def _talk(cell: Cell, wire: Wire, hop: FaultyHop, notes: Notes) -> None:
    notes.hung_up = True  # until we come to the end
    notes.mail = wire.ask(b"MAIL FROM:<%s>" % cell.sender)
    if notes.mail[0] != 250:
        return
    for path in cell.everyone:
        notes.rcpt[path] = wire.ask(b"RCPT TO:<%s>" % path)
    if not any(code == 250 for code, _ in notes.rcpt.values()):
        return
    code, text = wire.ask(b"DATA")
    if code != 354:
        notes.end = code, text
        return
    if cell.mixed:  # the recipients are known to both sides: now the trouble begins
        _begin(cell, hop)
    wire.send(stuffed(cell.mail) + b".\r\n")
    notes.end = wire.reply()
    wire.send(b"QUIT\r\n")


def _begin(cell: Cell, hop: FaultyHop) -> None:
    fault = cell.fault
    if fault.point == "refuse":
        hop.down()
    elif fault.act is not None:
        point = "dot" if fault.point == "none" else fault.point
        hop.play({point: fault.act}, only=None if cell.alone else cell.sender, fresh=fault.point in BEFORE_MAIL)


def end(cell: Cell, hop: FaultyHop) -> None:
    """The trouble is over; a refusal for good stays, so that our outbox meets it too."""
    if cell.fault.point == "refuse":
        hop.up()
    if not cell.fault.permanent:
        hop.play({}, only=None if cell.alone else cell.sender)


def judge(cell: Cell, notes: Notes) -> list[str]:
    """What went against the table, one sentence each."""
    found = _never(cell, notes)
    found += _mixed(cell, notes) if cell.mixed else _passed_on(cell, notes)
    if not cell.mixed or cell.fault.harmless:
        found += _other_recipients(cell, notes)
    return [f"{cell.name}: {each}" for each in found + _balance(cell, notes)]


def _said(notes: Notes) -> list[tuple[int, str]]:
    return [notes.mail, *notes.rcpt.values(), *([notes.end] if notes.end else [])]


def _never(cell: Cell, notes: Notes) -> list[str]:
    """No 5xx but the next hop's own, no hang-up without a word, nothing about our insides."""
    found = []
    own = {"5.1.1", cell.fault.text[:5]} if cell.fault.permanent else {"5.1.1"}
    for code, text in _said(notes):
        # 503 is our answer to RCPT after a MAIL that was lost: a matter of order, not of the mail
        if code >= 500 and code != 503 and text[:5] not in own:
            found.append(f"our own trouble became {code} {text}")
        if any(word in text for word in ("Error", "Traceback", "Exception", "127.0.0.1")):
            found.append(f"the reply tells of our insides: {text}")
    if notes.mail == (0, ""):
        found.append("the connection ended before MAIL was answered")
    elif notes.hung_up and notes.end is None and any(code == 250 for code, _ in notes.rcpt.values()):
        found.append("the connection ended without a reply to the mail")
    return found


def _passed_on(cell: Cell, notes: Notes) -> list[str]:
    """All recipients relay: the next hop's reply goes upstream, its silence is 451."""
    fault = cell.fault
    where = {"mail": notes.mail, "rcpt": notes.rcpt.get(cell.partner)}.get(fault.point, notes.end)
    if fault.point in BEFORE_MAIL:
        where = notes.mail if notes.mail[0] != 250 else notes.rcpt.get(cell.partner)
        return _expect(where, 451, ("4.4.1",))
    if fault.harmless:
        return _expect(where, 250, ("2.",))
    if fault.code is not None:
        found = _expect(where, fault.code, (fault.text[:5],))
        if where and not found and where[1] != fault.text:
            found.append(f"the text {fault.text!r} became {where[1]!r}")
        return found
    return _expect(where, 451, ("4.4.2", "4.4.1") if fault.point == "mail" else ("4.4.2",))


def _expect(said: tuple[int, str] | None, code: int, enhanced: tuple[str, ...]) -> list[str]:
    if said is None:
        return [f"no reply where {code} {' or '.join(enhanced)} was due"]
    if said[0] != code or not said[1].startswith(enhanced):
        return [f"{said[0]} {said[1]} instead of {code} {' or '.join(enhanced)}"]
    return []


def _mixed(cell: Cell, notes: Notes) -> list[str]:
    """One is durably held: 250, and what the next hop does not take now is owed."""
    found = _expect(notes.end, 250, ("2.",))
    if set(notes.held) != {cell.private}:
        found.append(f"held are {sorted(notes.held)}, not the one private box")
    if cell.fault.permanent:
        if not any(b"Action: failed" in report.data and cell.partner in report.data for report in notes.reports):
            found.append("refused for good, and the sender got no delivery report")
    elif notes.reports:
        found.append("a delivery report for a mail that was delivered")
    return found


def _other_recipients(cell: Cell, notes: Notes) -> list[str]:
    """The next hop's live answer reaches upstream, recipient by recipient."""
    if cell.recipients == 1 or cell.fault.point in (*BEFORE_MAIL, "mail", "rcpt"):
        return []
    _, busy, gone, *_ = cell.everyone
    return _expect(notes.rcpt.get(busy), 450, ("4.2.1",)) + _expect(notes.rcpt.get(gone), 550, ("5.1.1",))


def _balance(cell: Cell, notes: Notes) -> list[str]:
    """250: each recipient exactly once delivered, held or reported. Else: nowhere."""
    found = []
    got: dict[bytes, int] = {}
    for received in notes.delivered:
        for path in received.recipients:
            got[path] = got.get(path, 0) + 1
        if not received.data.endswith(cell.mail):
            found.append("what was delivered is not what was sent")
    if notes.end is None or notes.end[0] != 250:
        return (
            found
            + [f"not answered 250, and yet {sorted(got)} got it"] * bool(got)
            + (["not answered 250, and yet something is held"] * bool(notes.held))
        )
    reported = {path for path in cell.everyone if any(path in report.data for report in notes.reports)}
    for path, (code, _) in notes.rcpt.items():
        places = got.get(path, 0) + (path in notes.held) + (path in reported)
        if places != (code == 250):
            found.append(
                f"{path.decode()} was answered {code}: delivered {got.get(path, 0)} times, "
                f"{'held' if path in notes.held else 'not held'}, {'reported' if path in reported else 'not reported'}"
            )
    return found


def reports_for(cell: Cell, received: list[Received]) -> list[Received]:
    """Our delivery reports to the cell's sender (RFC 3464), among all that was accepted."""
    return [
        each
        for each in received
        if each.sender == b"" and cell.sender in each.recipients and b"message/delivery-status" in each.data
    ]


def table(results: Mapping[str, list[str]]) -> str:
    """What failed, for the test log."""
    bad = [line for lines in results.values() for line in lines]
    return f"{len(results)} cells, {sum(bool(lines) for lines in results.values())} with faults\n" + "\n".join(bad)
