# SPDX-License-Identifier: Apache-2.0
"""Hands the samples to the gate by SMTP, as the company's mail server would. Never retries, never looks inside."""

from __future__ import annotations

import smtplib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpmilter.demo.samples import INTERNAL_DOMAIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dlpmilter.demo.samples import Sample

SECONDS = 100.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The gate's last word about one sample: its reply to the final dot, or to what it refused before."""

    sample: Sample
    code: int
    text: str

    @property
    def line(self) -> str:
        """The reply on one line."""
        return f"{self.code} {' '.join(self.text.split())}"


def post(host: str, port: int, samples: Iterable[Sample]) -> Iterator[Answer]:
    """Send each sample in one session, one after the other. Raises OSError, SMTPException when the gate goes away."""
    with smtplib.SMTP(host, port, local_hostname=f"mail.{INTERNAL_DOMAIN}", timeout=SECONDS) as gate:
        gate.ehlo()
        for sample in samples:
            code, text = _one(gate, sample)
            yield Answer(sample, code, text.decode("utf-8", "replace"))


def _one(gate: smtplib.SMTP, sample: Sample) -> tuple[int, bytes]:
    options = [] if sample.message.isascii() else ["BODY=8BITMIME"]
    code, text = gate.mail(sample.sender, options)
    for recipient in sample.recipients:
        if code < 400:
            code, text = gate.rcpt(recipient)
    if code < 400:
        code, text = gate.data(sample.message)
    if code >= 400:
        gate.rset()
    return code, text
