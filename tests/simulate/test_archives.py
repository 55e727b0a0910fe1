# SPDX-License-Identifier: Apache-2.0
"""Every mail of an archive is found once, whole, wherever the chunks are cut."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from dlpmilter.simulate import archives
from dlpmilter.simulate.archives import ArchiveError, chunks_of, mails_of
from tests.simulate.archives import mail, mixed, write_maildir, write_mbox, write_zip

MOST = 1_000_000


def _contents(*paths: Path) -> list[bytes]:
    found = [each for chunk in chunks_of(paths) for each in mails_of(chunk, MOST)]
    assert [each.place for each in found if each.trouble] == []
    return [each.content for each in found]


@pytest.mark.parametrize("size", [200, 333, 1000, 4096, 10_000_000])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_an_mbox_gives_each_mail_once_however_it_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, newline: bytes
) -> None:
    """Chunks smaller than a mail, cuts inside a separator line: nothing is lost, doubled or shortened."""
    mails = [
        mail(n, f"x{n}@kunde.example", body="Line.\n\nFrom here on it is quoted.\n>From there.\n" * (n % 4) + "End.\n")
        for n in range(40)
    ]
    path = write_mbox(tmp_path / "box", mails, newline)
    monkeypatch.setattr(archives, "CHUNK_OCTETS", size)
    found = [each.replace(b"\r\n", b"\n") for each in _contents(path)]
    expected = [each.replace(b"\n>From ", b"\nFrom ") for each in mails]
    assert [each.replace(b"\n>From ", b"\nFrom ") for each in found] == expected


def test_all_forms_give_the_same_mails(tmp_path: Path) -> None:
    """Maildir, folder, single file, zip and mbox; what is unfinished, hidden or a folder entry is left out."""
    mails = mixed(30)
    folder = tmp_path / "folder" / "deep"
    folder.mkdir(parents=True)
    for number, each in enumerate(mails):
        (folder / f"{number:03}.eml").write_bytes(each)
    (folder / ".hidden").write_bytes(b"From: a@b.example\n\n")
    expected = sorted(mails)
    assert sorted(_contents(write_maildir(tmp_path / "md", mails))) == expected
    assert sorted(_contents(tmp_path / "folder")) == expected
    assert sorted(_contents(write_zip(tmp_path / "z.zip", mails))) == expected
    assert sorted(_contents(write_mbox(tmp_path / "m", mails))) == expected
    assert _contents(folder / "001.eml") == [mails[1]]


def test_what_cannot_be_read_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    """A damaged zip, a damaged member, a mail above the limit: troubles in their place, not exceptions."""
    good = write_zip(tmp_path / "a.zip", mixed(3))
    data = bytearray(good.read_bytes())
    data[60] ^= 0xFF  # inside the first member
    (tmp_path / "b.zip").write_bytes(data)
    (tmp_path / "c.zip").write_bytes(b"PK\x03\x04 and nothing more")
    (tmp_path / "d.eml").write_bytes(mail(1, "x@y.example", body="x" * MOST))
    found = [each for chunk in chunks_of([tmp_path]) for each in mails_of(chunk, MOST)]
    assert [each.trouble for each in found if each.place.startswith(str(good))] == ["", "", ""]
    assert [each.trouble for each in found if "/b.zip" in each.place] == ["not-readable", "", ""]
    assert [each.trouble for each in found if each.place.endswith("d.eml")] == ["too-big"]
    with pytest.raises(ArchiveError, match="cannot be read"):
        list(chunks_of([tmp_path / "missing"]))


def test_a_bomb_in_a_zip_stays_in_its_limit(tmp_path: Path) -> None:
    """A member that unpacks to more than a mail may have is not unpacked further."""
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.eml", b"\0" * 50_000_000)
    (one,) = [each for chunk in chunks_of([path]) for each in mails_of(chunk, MOST)]
    assert (one.trouble, one.content) == ("too-big", b"")


def test_a_big_mail_in_a_big_mbox_is_left_out_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mails before and behind it are judged."""
    monkeypatch.setattr(archives, "CHUNK_OCTETS", 50_000)
    mails = [
        mail(0, "a@b.example"),
        mail(1, "a@b.example", body="y" * 70 + "\n" + "x" * 2 * MOST + "\n"),
        mail(2, "a@b.example"),
    ]
    path = write_mbox(tmp_path / "box", mails)
    found = [each for chunk in chunks_of([path]) for each in mails_of(chunk, MOST)]
    assert [each.trouble for each in found] == ["", "too-big", ""]
