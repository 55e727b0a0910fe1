# SPDX-License-Identifier: Apache-2.0
"""The sample mails are real mails of our own words, and each is a different one."""

from __future__ import annotations

import email
import email.policy

from dlpmilter.demo.samples import INTERNAL_DOMAIN, MAILS, load_samples


def test_there_are_at_least_twelve_different_samples() -> None:
    """Slugs, titles and Message-IDs are all different, and each file has its row."""
    samples = load_samples()
    assert len(samples) >= 12
    for values in (
        {each.slug for each in samples},
        {each.title for each in samples},
        {each.message_id for each in samples},
    ):
        assert len(values) == len(samples)
    assert len(list(MAILS.glob("*.eml"))) == len(samples)


def test_each_sample_is_a_wellformed_mail() -> None:
    """CRLF only, a Message-ID, lines SMTP allows, no defect for the standard library's parser."""
    for sample in load_samples():
        assert sample.message.endswith(b"\r\n")
        assert sample.message.count(b"\n") == sample.message.count(b"\r\n") == sample.message.count(b"\r"), sample.slug
        assert max(map(len, sample.message.split(b"\r\n"))) < 500
        assert sample.message_id.startswith("<")
        parsed = email.message_from_bytes(sample.message, policy=email.policy.default)
        assert not [defect for part in parsed.walk() for defect in part.defects], sample.slug


def test_samples_are_outbound_mail() -> None:
    """Senders are ours or null, at least one mail has an inside and an outside fate, and recipients are outside."""
    samples = load_samples()
    assert {each.sender.rpartition("@")[2] for each in samples} == {INTERNAL_DOMAIN, ""}
    assert not [one for each in samples for one in each.recipients if one.endswith(INTERNAL_DOMAIN)]
    assert any(len(each.recipients) > 1 for each in samples)
