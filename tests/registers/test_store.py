# SPDX-License-Identifier: Apache-2.0
"""The folder of indexes opens as a whole, and shares of registers are counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlpmilter.registers.build import Plan, build
from dlpmilter.registers.documents import write_documents
from dlpmilter.registers.errors import IndexUnusable
from dlpmilter.registers.match import match
from dlpmilter.registers.source import Source
from dlpmilter.registers.store import (
    DOCUMENTS,
    documents_sealing,
    open_all,
    register_path,
    register_purpose,
    sealing,
    share,
)
from dlpmilter.storage.keys import Keyring
from tests.registers import samples


@pytest.fixture
def keyring() -> Keyring:
    return Keyring("now", {"now": samples.KEY, "before": samples.OTHER_KEY})


def test_everything_registered_opens_at_once(tmp_path: Path, keyring: Keyring) -> None:
    """Two registers with their own keys, one of them of an older key, and the documents."""
    source = samples.write_csv(tmp_path / "source.csv", samples.people(100))
    for name, ring in (("one", keyring), ("two", Keyring("before", keyring.keys))):
        key, told = sealing(ring, register_purpose(name))
        build(Source(source), Plan(name, "licensed"), register_path(tmp_path, name), key, told)
    key, told = documents_sealing(tmp_path, keyring)
    write_documents(tmp_path / DOCUMENTS, key, told, new=[("d", samples.document(1))])
    opened = open_all(tmp_path, keyring)
    hits = [match(each, samples.table(samples.people(100)[:5])) for each in opened.registers]
    assert [hit and (hit.register, len(hit.rows)) for hit in hits] == [("one", 5), ("two", 5)]
    assert {each.owner for each in opened.registers} == {"licensed"}
    assert opened.documents is not None
    assert opened.documents.names == ("d",)
    opened.close()
    with pytest.raises(IndexUnusable, match=r"two\.reg: was sealed with the key 'before'"):
        open_all(tmp_path, Keyring("now", {"now": samples.KEY}))


def test_one_name_cannot_stand_for_another(tmp_path: Path, keyring: Keyring) -> None:
    """An index that was renamed does not open: its key was derived for its name."""
    source = samples.write_csv(tmp_path / "source.csv", samples.people(100))
    key, told = sealing(keyring, register_purpose("one"))
    build(Source(source), Plan("one"), register_path(tmp_path, "one"), key, told)
    register_path(tmp_path, "one").rename(register_path(tmp_path, "two"))
    with pytest.raises(IndexUnusable, match=r"two\.reg: was changed, or sealed with another key"):
        open_all(tmp_path, keyring)


def test_an_empty_folder_opens(tmp_path: Path, keyring: Keyring) -> None:
    """Where nothing is registered nothing is found, also without the folder."""
    for folder in (tmp_path, tmp_path / "missing"):
        opened = open_all(folder, keyring)
        assert (opened.registers, opened.documents) == ((), None)


def test_twenty_mails_of_fifty_rows_are_one_of_a_thousand() -> None:
    """The share counts distinct rows, whatever the mails they came in."""
    mails = [range(start, start + 50) for start in range(0, 1000, 50)]
    assert share(4000, [row for mail in mails for row in mail]) == share(4000, range(1000)) == 0.25
    assert share(4000, [1, 1, 1]) == 1 / 4000
    assert share(0, [1]) == 0
    assert share(10, [3, 99, -1]) == 0.1
