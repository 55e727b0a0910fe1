# SPDX-License-Identifier: Apache-2.0
"""`dlpmilter explain`: what would happen to a mail file, and why. Never sends, stores or changes anything."""

from __future__ import annotations

import errno
import json
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from dlpmilter.cli.learned import inbound_options, learn_or_exit, said

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from dlpmilter.cli.explain_content import ContentReader
    from dlpmilter.config import Config
    from dlpmilter.facts.consents import Snapshot
    from dlpmilter.model.facts import Facts
    from dlpmilter.model.limits import Limits
    from dlpmilter.model.message import Head, Structure
    from dlpmilter.model.transaction import EnvelopePath
    from dlpmilter.model.verdict import Verdict
    from dlpmilter.policy.schema import Policy
    from dlpmilter.simulate.inbound import Index


class Job(NamedTuple):
    """One mail to explain; `sender` and `rcpt` come from the headers when they are not given."""

    file: str
    sender: str | None
    rcpt: tuple[str, ...]
    problem: str = ""


class Court(NamedTuple):
    """Everything that is the same for all files."""

    policy: Policy
    limits: Limits
    facts: Facts
    inbound: Index | None = None
    """Who wrote before, where inbound mail was learned."""
    at: datetime | None = None
    """When to ask it; None: when each mail was sent."""
    config: Config | None = None


class Wish(NamedTuple):
    """How each file is read."""

    reader: ContentReader
    everything: bool = False
    offsets: bool = False


@click.command()
@click.option(
    "--config", type=click.Path(path_type=Path), help="dlpmilter.toml: policy, internal domains, limits, owners."
)
@click.option("--policy", type=click.Path(path_type=Path), help="Policy directory instead of the shipped default.")
@click.option("--sender", help="Envelope sender (MAIL FROM); <> for none. Default: Return-Path, else From.")
@click.option("--rcpt", multiple=True, help="Envelope recipient (RCPT TO), may be repeated. Default: To, Cc and Bcc.")
@click.option("--internal", multiple=True, help="A domain of the company, may be repeated.")
@click.option(
    "--directory", "people", type=click.Path(path_type=Path), help="CSV file of people instead of the configured one."
)
@inbound_options
@click.option("--now", help="The time to judge at, ISO 8601, for example 2026-11-22T09:00:00+01:00.")
@click.option("--all", "everything", is_flag=True, help="Read every part, also those that no rule asks for.")
@click.option("--offsets", is_flag=True, help="Name for each part the octets where its header, body and end stand.")
@click.option(
    "--batch", type=click.Path(path_type=Path), help='JSON lines with "file", "sender" and "rcpt"; - for stdin.'
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file instead of text.")
@click.argument("files", nargs=-1)
def command(
    config: Path | None,
    policy: Path | None,
    sender: str | None,
    rcpt: tuple[str, ...],
    internal: tuple[str, ...],
    people: Path | None,
    inbound: tuple[Path, ...],
    authserv_id: str,
    now: str | None,
    everything: bool,
    offsets: bool,
    batch: Path | None,
    as_json: bool,
    files: tuple[str, ...],
) -> None:
    """Say for each mail file what would happen to each recipient, and every reason for it.

    A file named - is read from standard input. Exit 1 when a file could not be read.
    """
    if bool(files) == (batch is not None):
        raise click.UsageError("Name mail files, or a batch with --batch FILE; one of the two.")
    from dlpmilter.cli.explain_content import ContentReader
    from dlpmilter.cli.explain_text import as_text

    court = _court(config, policy, internal, people, now)
    if inbound:
        court = _learned(court, inbound, authserv_id, config, quiet=as_json)
    jobs = [Job(file, sender, rcpt) for file in files] if batch is None else list(_read_batch(batch))
    failed = False
    with ContentReader(court.policy, court.limits, court.config) as reader, _progress(len(jobs)) as step:
        wish = Wish(reader, everything=everything, offsets=offsets)
        for job in jobs:
            result = explain_one(job, court, wish)
            failed = failed or "error" in result
            click.echo(json.dumps(result, ensure_ascii=True) if as_json else as_text(result, court.policy))
            sys.stdout.flush()
            step()
    sys.exit(1 if failed else 0)


def explain_one(job: Job, court: Court, wish: Wish) -> dict[str, Any]:
    """The explanation of one file, or `{"file", "error"}`."""
    from dlpmilter.config import ConfigError
    from dlpmilter.model.address import AddressError

    if job.problem:
        return {"file": job.file, "error": job.problem}
    try:
        return _judge(job, _content(job.file, court.limits.message_octets), court, wish)
    except OSError as error:
        return {"file": job.file, "error": f"cannot be read: {error.strerror or type(error).__name__}"}
    except AddressError as error:
        return {"file": job.file, "error": f"the sender or a recipient is not a mail address: {error}"}
    except ConfigError as error:
        return {"file": job.file, "error": str(error)}


def _judge(job: Job, content: bytes, court: Court, wish: Wish) -> dict[str, Any]:
    """Judge as the gate does: documents are opened when a rule asks, or for --all."""
    from dlpmilter.engine.evaluate import evaluate
    from dlpmilter.engine.explain import explanation
    from dlpmilter.engine.questions import own_person
    from dlpmilter.mime.head import read_head
    from dlpmilter.mime.structure import read_structure
    from dlpmilter.mime.views import read_views
    from dlpmilter.model.transaction import Client, Transaction
    from dlpmilter.policy.match import Needs

    head = read_head(content[: court.limits.header_octets + 1], court.limits)
    transaction = Transaction(
        id="explain",
        client=Client(""),
        sender=_sender(job, head),
        recipients=_recipients(job, head),
        head=head.raw,
        size=len(content),
        received_at=court.facts.now,
    )
    facts = court.facts
    if court.inbound is not None:
        known = court.inbound.about(transaction, head, facts, court.policy, court.at)
        facts = replace(facts, known=known)
    structure = read_structure(content, court.limits)
    verdict: Verdict | Needs = Needs(frozenset())
    if not wish.everything:
        verdict = evaluate(transaction, head, facts, court.policy, structure, None)
    if isinstance(verdict, Needs):
        report = wish.reader.report(content, *own_person(transaction, head, facts, court.policy))
        verdict = evaluate(transaction, head, facts, court.policy, structure, report)
    if isinstance(verdict, Needs):
        raise TypeError("the engine asks for what it has")
    result = explanation(job.file, verdict)
    result["message"]["ambiguous"] |= bool(read_views(content, structure, court.limits).doubts)  # whoever gets it
    if wish.offsets:
        _add_offsets(result, structure)
    return result


def _add_offsets(result: dict[str, Any], structure: Structure) -> None:
    """Octets of the mail; for what had to be decoded first, those of the part that holds it (`inside`: true)."""
    places = {part.path: part for part in structure.parts}
    for each in result["message"]["parts"]:
        part = places.get(each["path"])
        if part is not None:
            each |= {"header_start": part.header_start, "body_start": part.body_start, "body_end": part.body_end,
                     "inside": part.decoded}  # fmt: skip


def _content(file: str, most: int) -> bytes:
    """What is in the file, up to the size of mail the hop takes. Raises OSError: a device has no end."""
    if file == "-":
        content = sys.stdin.buffer.read(most + 1)
    else:
        with Path(file).open("rb") as stream:
            content = stream.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"longer than the {most} octets of limits.message_octets, the hop refuses it")
    return content


def _sender(job: Job, head: Head) -> EnvelopePath:
    from dlpmilter.model.address import NULL_SENDER, parse_address
    from dlpmilter.model.transaction import EnvelopePath
    from dlpmilter.simulate.envelope import derived_sender

    if job.sender is None:
        return derived_sender(head)
    text = job.sender.strip().strip("<>")
    return EnvelopePath(parse_address(text) if text else NULL_SENDER)


def _recipients(job: Job, head: Head) -> tuple[EnvelopePath, ...]:
    from dlpmilter.model.address import parse_address
    from dlpmilter.model.transaction import EnvelopePath
    from dlpmilter.simulate.envelope import derived_recipients

    return tuple(EnvelopePath(parse_address(each)) for each in job.rcpt) or derived_recipients(head)


def _court(
    config: Path | None, policy: Path | None, internal: tuple[str, ...], people: Path | None, now: str | None
) -> Court:
    from dlpmilter.cli.people import read_directory
    from dlpmilter.config import ConfigError, load_config
    from dlpmilter.model.facts import Facts
    from dlpmilter.model.limits import Limits
    from dlpmilter.policy.load import load_policy

    try:
        loaded = load_config(config) if config is not None else None
        directory = policy or (loaded.policy if loaded else None)
        domains = (*(loaded.internal_domains if loaded else ()), *internal)
        moment = _time(now)
        agreements, exemptions = _agreed(loaded.database, moment) if loaded else ((), ())
        return Court(
            load_policy(directory, internal_domains=domains),
            loaded.bounds if loaded else Limits(),
            Facts(
                now=moment,
                owners=loaded.owners if loaded else {},
                agreements=agreements,
                exemptions=exemptions,
                directory=read_directory(people, loaded, _warn),
            ),
            at=moment if now is not None else None,
            config=loaded,
        )
    except ConfigError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        sys.exit(2)


def _learned(court: Court, archives: tuple[Path, ...], authserv_id: str, config: Path | None, *, quiet: bool) -> Court:
    """The court with what the archives of inbound mail teach."""
    from dlpmilter.config import load_config
    from dlpmilter.simulate.inbound import Index
    from dlpmilter.simulate.learning import Lesson

    inbound = load_config(config).inbound if config else None
    verifier = authserv_id or (inbound.authserv_id if inbound else "")
    learned = learn_or_exit(archives, Lesson(court.policy.domains, verifier, court.limits))
    if not quiet:
        click.echo(said(learned), err=True)
    return court._replace(inbound=Index.of(learned))


def _agreed(database: Path, now: datetime) -> Snapshot:
    """Agreements and exemptions in force; a word on stderr when the database does not say."""
    from dlpmilter.cli.consents_file import Unreadable, in_force

    try:
        return in_force(database, now)
    except Unreadable as error:
        click.echo(f"Note: the database {database} cannot be read ({error}), so no agreement counts here.", err=True)
        return (), ()


def _warn(text: str) -> None:
    click.echo(text, err=True)


def _time(text: str | None) -> datetime:
    from datetime import UTC, datetime

    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not a time like 2026-11-22T09:00:00+01:00.", param_hint="--now"
        ) from None
    if not 1971 <= moment.year <= 9000:  # a time zone must not carry it over an end of the calendar
        raise click.BadParameter(f"{text!r} is not a time between 1971 and 9000.", param_hint="--now")
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _read_batch(path: Path) -> Iterator[Job]:
    try:
        text = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise click.BadParameter(f"{path} cannot be read: {error.strerror}.", param_hint="--batch") from None
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield _batch_job(line, number)


def _writable(text: str) -> bool:
    """Whether it can be a name of a file or an address: no NUL, no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= each <= "\udfff" for each in text)


def _batch_job(line: bytes, number: int) -> Job:
    try:
        row = json.loads(line)
        file, sender, rcpt = row["file"], row.get("sender"), row.get("rcpt") or ()
        rcpt = (rcpt,) if isinstance(rcpt, str) else tuple(rcpt)
        texts = [each for each in (file, sender, *rcpt) if each is not None]
        if isinstance(file, str) and all(isinstance(each, str) and _writable(each) for each in texts):
            return Job(file, sender, rcpt)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    return Job(f"line {number}", None, (), 'the batch line is not {"file": "...", "sender": "...", "rcpt": ["..."]}')


@contextmanager
def _progress(total: int) -> Iterator[Any]:
    """A bar on a terminal for many files, nothing in a pipe."""
    if total < 20 or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty()) as bar:
        task = bar.add_task("explain", total=total)
        yield lambda: bar.advance(task)
