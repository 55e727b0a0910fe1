# SPDX-License-Identifier: Apache-2.0
"""Outlook items ([MS-OXMSG]) and TNEF ([MS-OXTNEF]): subject, people, body in all its forms, attachments.

An item inside an item is read in place. Never follows an attachment by reference.
"""

from __future__ import annotations

import re

import compressed_rtf
import tnefparse

from dlpmilter.content.formats.base import Stopped
from dlpmilter.content.formats.cfb import CompoundFile, Entry
from dlpmilter.content.formats.html import read_html
from dlpmilter.content.formats.ole import hand_on_objects
from dlpmilter.content.formats.paper import Paper, attempt
from dlpmilter.content.formats.rtf import read_rtf
from dlpmilter.content.formats.strings import binary_strings
from dlpmilter.mime.text import charset_text

MAX_ITEMS = 1_000
MAX_LEVELS = 10
MAX_RTF = 20 * 1024 * 1024
_PROPERTY = re.compile(r"__substg1\.0_([0-9a-f]{4})([0-9a-f]{4})")
_SHOWN = {"0037": "Subject", "0c1a": "From", "0c1f": "From", "5d01": "From", "0e04": "To", "0e03": "Cc", "0e02": "Bcc",
          "1000": "", "3001": "", "3003": "", "39fe": ""}  # fmt: skip
_BINARY_TEXT = ("1009", "1013")
_MIP = re.compile(r"MSIP_Label_[0-9A-Fa-f-]{36}")
_MESSAGE = "__properties_version1.0"


def read_msg(data: bytes, paper: Paper) -> None:
    """An Outlook item: mail, appointment, contact, task, note."""
    file = CompoundFile(data)
    _item(file, file.root, paper, 0)


def _item(file: CompoundFile, storage: Entry, paper: Paper, level: int) -> None:
    if level > min(MAX_LEVELS, paper.budget.depth):
        raise Stopped("too-deep")
    _properties(file, storage, paper)
    for number, (name, child) in enumerate(storage.children.items()):
        if number > MAX_ITEMS:
            paper.trouble("too-many-members")
            break
        if not child.is_storage:
            continue
        if name.startswith("__recip_"):
            for key, value in _texts(file, child).items():
                paper.write(value + "\n", hidden=key not in _SHOWN)
        elif name.startswith("__attach_"):
            _attachment(file, child, paper, level)


def _properties(file: CompoundFile, storage: Entry, paper: Paper) -> None:
    texts = _texts(file, storage)
    for key in (*_SHOWN, *texts):
        value = texts.pop(key, "")
        if not value:
            continue
        if key == "1013":
            attempt(read_html, value.encode(), paper)
        elif key in _SHOWN:
            paper.show(f"{_SHOWN[key]}: {value}\n" if _SHOWN[key] else value + "\n")
        else:
            paper.hide(value)
        if "MSIP_Label" in value:
            for label in dict.fromkeys(_MIP.findall(value)):
                paper.label(label)
    for name, child in storage.children.items():
        found = _PROPERTY.fullmatch(name)
        if found and found[2] == "0102" and found[1] in _BINARY_TEXT:
            octets = file.stream(child)
            attempt(read_compressed_rtf if found[1] == "1009" else read_html, octets, paper)


def _texts(file: CompoundFile, storage: Entry) -> dict[str, str]:
    """All text properties of a storage by their ids."""
    found: dict[str, str] = {}
    for name, child in storage.children.items():
        match = _PROPERTY.match(name)
        if match and match[2] in ("001f", "101f"):
            found[match[1]] = file.stream(child).decode("utf-16-le", "replace").rstrip("\0")
        elif match and match[2] in ("001e", "101e"):
            found[match[1]] = charset_text(file.stream(child), "")[0].rstrip("\0")
    return found


def _attachment(file: CompoundFile, storage: Entry, paper: Paper, level: int) -> None:
    texts = _texts(file, storage)
    name = texts.get("3707") or texts.get("3704") or texts.get("3001") or "attachment"
    for key in ("3708", "370d", "3701"):  # where a linked file lies
        if texts.get(key):
            paper.hide(texts[key])
    octets = storage.children.get("__substg1.0_37010102")
    inner = storage.children.get("__substg1.0_3701000d")
    if octets:
        paper.member(name, file.stream(octets))
    elif inner and _MESSAGE in inner.children:
        paper.show(f"{name}\n")
        _item(file, inner, paper, level + 1)
    elif inner:
        hand_on_objects(file, inner, paper)
    else:
        paper.member(name, b"", "unsupported")


def read_compressed_rtf(data: bytes, paper: Paper) -> None:
    """A body as compressed RTF ([MS-OXRTFCP]); the size it promises is its limit."""
    if int.from_bytes(data[4:8], "little") > MAX_RTF:
        raise Stopped("too-big")
    plain = compressed_rtf.decompress(data)
    paper.budget.spend_octets(len(plain))
    read_rtf(plain, paper)


def read_tnef(data: bytes, paper: Paper) -> None:
    """A winmail.dat."""
    try:
        item = tnefparse.TNEF(data, do_checksum=False)
    except Exception:  # noqa: BLE001 - it raises anything for broken octets, after losing all it had
        paper.trouble("corrupt")
        paper.hide(binary_strings(data))
        return
    for each in (item.body, item.htmlbody):
        _body(each, paper, markup=each is item.htmlbody)
    if item._rtfbody:  # noqa: SLF001 - its own property decompresses without a limit
        attempt(read_compressed_rtf, bytes(item._rtfbody), paper)  # noqa: SLF001
    for each in (*item.mapiprops, *item.msgprops):
        value = each.data
        if isinstance(value, bytes):
            value = charset_text(value, "")[0] if value.isascii() else ""
        if isinstance(value, str) and len(value) > 2:
            paper.hide(value.strip("\0"))
    for attachment in item.attachments:
        name = attachment.long_filename()
        paper.member(str(name).strip("\0"), bytes(attachment.data or b""))


def _body(body: object, paper: Paper, *, markup: bool) -> None:
    if isinstance(body, list):
        for each in body:
            _body(each, paper, markup=markup)
        return
    octets = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else b""
    if not octets:
        return
    if markup:
        attempt(read_html, octets, paper)
    else:
        paper.show(charset_text(octets, "")[0].rstrip("\0") + "\n")
