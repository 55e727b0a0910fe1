# SPDX-License-Identifier: Apache-2.0
"""The relayhost recipe of README.md, tried as written: mail server -> dlpmilter -> relay, all real, all on loopback."""

from __future__ import annotations

import asyncio
import hashlib
import pwd
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy

import pytest

from tests.peers.inject import FORWARDED, message, send_one
from tests.peers.postfix import Postfix, downstream, need_postfix
from tests.peers.processes import wait_for
from tests.peers.product import ROOT, Product
from tests.peers.sink import Delivery, Sink

EMPLOYEE = "anna.berger@example.com"
ALIAS = "anna-zuhause"
PRIVATE = "anna.berger@gmx.de"


def recipe() -> dict[str, str]:
    """The recipe of README.md: the lines of each `=== place` of its fenced block."""
    text = (ROOT / "README.md").read_text("utf-8")
    blocks = re.findall(r"^```[^\n]*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    found = [block for block in blocks if re.search(r"^relayhost\s*=", block, re.MULTILINE)]
    assert len(found) == 1, "README.md must show exactly one block with relayhost"
    parts = re.split(r"^=== (.+)\n", found[0], flags=re.MULTILINE)[1:]
    return {place.partition(":")[0]: lines.strip() for place, lines in zip(parts[::2], parts[1::2], strict=True)}


def hop_settings(lines: str) -> dict[str, str]:
    """The dlpmilter.toml of the recipe, key by key, as TOML text."""
    return {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in lines.splitlines())}


def with_port(lines: str, hop: int) -> str:
    """The mail server's lines with this test's port for 10025."""
    assert "[127.0.0.1]:10025" in lines, "the recipe must name the hop as [127.0.0.1]:10025"
    return lines.replace(":10025", f":{hop}")


@dataclass(frozen=True, slots=True)
class Company:
    """A mail server with an alias, the hop, the company relay with the employee's mailbox, the world."""

    server: Postfix
    hop: Product
    relay: Postfix
    world: Sink

    def inbox(self) -> list[bytes]:
        """The employee's internal mailbox, oldest first."""
        folder = self.relay.directory / "mail" / "anna.berger" / "new"
        files = sorted(folder.glob("*"), key=lambda path: path.stat().st_mtime_ns) if folder.exists() else []
        return [path.read_bytes() for path in files]

    def send(self, test_id: str) -> tuple[str, bytes]:
        """Forward business mail to the alias; returns the case number and the bytes sent."""
        before = {each.case for each in self.hop.held()}
        to = f"{ALIAS}@example.com"
        data = message(test_id, EMPLOYEE, [to], subject="WG: Angebot 4711", text=FORWARDED, octets=40_000)
        _, end = asyncio.run(send_one(self.server.port, EMPLOYEE.encode(), [to.encode()], data))
        assert end.code == 250, end

        def new() -> list[str]:
            return [each.case for each in self.hop.held() if each.recipient == PRIVATE and each.case not in before]

        wait_for(lambda: len(new()) == 1, 20, "the alias's mail to be held")
        return new()[0], data

    def notice(self, case: str, *words: str) -> str:
        """Wait for the notice about a case that has one of `words`; returns its text."""

        def found() -> list[str]:
            texts = [_text(each) for each in self.inbox()]
            return [text for text in texts if case in text and any(word in text for word in words)]

        wait_for(lambda: bool(found()), 20, f"a notice with {words}")
        return found()[0]


def _text(raw: bytes) -> str:
    mail = message_from_bytes(raw, policy=policy.default)
    body = mail.get_body(("plain",))
    assert body is not None
    return f"{mail['Subject']}\n{body.get_content()}"


def _relay(world: int) -> Postfix:
    """The company relay: example.com lies in mailboxes here, everything else goes to the world."""
    server = downstream(world, name="relay")
    nobody = pwd.getpwnam("nobody")
    mail = server.directory / "mail"
    mail.mkdir()
    shutil.chown(mail, nobody.pw_uid, nobody.pw_gid)
    table = server.add_map("mailboxes", {EMPLOYEE: "anna.berger/"})
    server.append(
        f"virtual_mailbox_domains = example.com\nvirtual_mailbox_maps = {table}\n"
        f"virtual_mailbox_base = {mail}\nvirtual_uid_maps = static:{nobody.pw_uid}\n"
        f"virtual_gid_maps = static:{nobody.pw_gid}\nvirtual_transport = virtual\nmyhostname = relay.example.com\n"
    )
    server.append(recipe()["company relay"])
    return server


def _server(hop: int) -> Postfix:
    """The mail server: its own domain with one alias, and the recipe as README.md has it."""
    server = Postfix(
        "server", {"mydestination": "example.com", "local_transport": "local", "myhostname": "server.example.com"}
    )
    aliases = server.add_map("aliases", {ALIAS: PRIVATE})
    server.append(f"alias_maps = {aliases}\nlocal_recipient_maps = {aliases}\nfallback_transport = error:no mailbox\n")
    server.append(with_port(recipe()["mail server"], hop))
    return server


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    need_postfix()
    directory = tmp_path_factory.mktemp("company")
    settings = hop_settings(recipe()["dlpmilter"])
    with (
        Sink(directory / "world") as world,
        _relay(world.port) as relay,
        Product(directory / "hop", next_hop=relay.port, settings=settings, whole=True) as hop,
        _server(hop.port) as server,
    ):
        yield Company(server, hop, relay, world)


def test_recipe_leaves_no_other_way_out(company: Company) -> None:
    """With the recipe's lines everything not local goes to the hop, and this test to loopback only."""
    assert company.server.setting("relayhost") == f"[127.0.0.1]:{company.hop.port}"
    assert company.server.setting("inet_interfaces") == "loopback-only"
    assert company.server.setting("smtp_bind_address") == "127.0.0.1"
    assert company.server.setting("default_transport") == "smtp"
    for other in ("transport_maps", "sender_dependent_relayhost_maps", "sender_dependent_default_transport_maps"):
        assert company.server.setting(other) == "", f"{other} would be another way out"
    assert company.server.setting("relay_transport").startswith("error:")
    company.send("route")
    relays = set(re.findall(r"server/smtp\[.* relay=(\S+?),", company.server.log()))
    assert relays == {f"127.0.0.1[127.0.0.1]:{company.hop.port}"}


def test_alias_to_a_private_mailbox_is_held_and_told(company: Company) -> None:
    """Behind the alias expansion the hop sees the private mailbox, holds the mail and tells the employee."""
    case, _ = company.send("alias")
    text = company.notice(case, "nicht zugestellt", "not been delivered")
    assert PRIVATE in text
    assert "4711" in text, "the notice names the mail by its subject"
    assert "Einkauf" not in text, "the notice quotes nothing of the mail"
    assert not [each for each in company.world.deliveries() if each.header("X-Test-Id") == "alias"]


def test_approved_mail_reaches_the_recipient_byte_for_byte(company: Company) -> None:
    """`holds approve` sends exactly the received bytes with one trace field more, and says so."""
    case, data = company.send("approve")
    rows = "SELECT octets, sha256 FROM body_keys JOIN cases ON cases.body_id = body_keys.body_id WHERE cases.id = ?"
    ((octets, digest),) = company.hop.query(rows, case)
    company.hop.command("holds", "approve", case, "--basis", "contract", "--checked")
    (got,) = _arrived(company, "approve")
    assert (got.sender, got.recipients) == (EMPLOYEE.encode(), (PRIVATE.encode(),))
    front, mail = got.message[:-octets], got.message[-octets:]
    assert hashlib.sha256(mail).digest() == digest and mail.endswith(data)
    fields = re.split(rb"\r\n(?![ \t])", front)[:-1]
    assert [field.split(b":")[0].lower() for field in fields] == [b"received", b"received"]
    assert b"by relay.example.com" in fields[0] and b"(dlpmilter " in fields[1]
    company.notice(case, "weitergeschickt", "was sent on")
    assert "fine" in company.hop.verify().lower()


def test_rejected_mail_stays_and_the_employee_hears_why(company: Company) -> None:
    """`holds reject` delivers nothing, sends the T4 notice, and the trail still verifies."""
    case, _ = company.send("reject")
    company.hop.command("holds", "reject", case, "Bitte das Portal fuer Kunden benutzen.")
    company.notice(case, "nicht freigeben", "could not approve")
    assert company.hop.owes() == 0
    assert not [each for each in company.world.deliveries() if each.header("X-Test-Id") == "reject"]
    events = company.hop.query(
        "SELECT event FROM trail JOIN trail_values ON trail.seq = trail_values.seq WHERE name = 'case' AND value = ?"
        " ORDER BY trail.seq",
        f'"{case}"',
    )
    assert [event for (event,) in events][:1] == ["decided"]
    assert any("reject" in event for (event,) in events)
    company.hop.verify()


def _arrived(company: Company, test_id: str) -> list[Delivery]:
    def found() -> list[Delivery]:
        return [each for each in company.world.deliveries() if each.header("X-Test-Id") == test_id]

    wait_for(lambda: bool(found()), 20, f"{test_id} to reach the recipient")
    return found()
