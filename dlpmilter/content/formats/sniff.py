# SPDX-License-Identifier: Apache-2.0
"""Tells the media type of octets by what they are. Pure, linear, looks at a few KB and a directory.

Never believes a name: names choose between text formats only (a .csv is plain text otherwise).
Never raises.
"""

from __future__ import annotations

import re

from dlpmilter.content.formats import types as t
from dlpmilter.content.formats.cfb import ole_type
from dlpmilter.content.formats.sniff_text import text_type
from dlpmilter.content.formats.sniff_zip import zip_type

HEAD = 4096

_AT_START: tuple[tuple[bytes, str], ...] = (
    (b"{\\rtf", t.RTF),
    (b"{\\rt", t.RTF),  # Word opens it
    (b"\x78\x9f\x3e\x22", t.TNEF),
    (b"7z\xbc\xaf\x27\x1c", t.SEVEN_ZIP),
    (b"Rar!\x1a\x07", t.RAR),
    (b"\x1f\x8b", t.GZIP),
    (b"\xfd7zXZ\x00", t.XZ),
    (b"\x28\xb5\x2f\xfd", t.ZSTD),
    (b"\x04\x22\x4d\x18", t.LZ4),
    (b"LZIP", t.LZIP),
    (b"\x1f\x9d", t.COMPRESS),
    (b"\x1f\xa0", t.COMPRESS),
    (b"MSCF\x00\x00\x00\x00", t.CAB),
    (b"!<arch>\n", t.AR),
    (b"xar!", t.XAR),
    (b"070701", t.CPIO),
    (b"070702", t.CPIO),
    (b"070707", t.CPIO),
    (b"ITSF\x03\x00\x00\x00", t.CHM),
    (b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3", t.ONENOTE),
    (b"\xffWPC", t.WORDPERFECT),
    (b"!BDN", t.PST),
    (b"\x00\x01\x00\x00Standard ", t.ACCESS),
    (b"\x89PNG\r\n\x1a\n", t.PNG),
    (b"\xff\xd8\xff", t.JPEG),
    (b"GIF87a", t.GIF),
    (b"GIF89a", t.GIF),
    (b"II*\x00", t.TIFF),
    (b"MM\x00*", t.TIFF),
    (b"II+\x00", t.TIFF),
    (b"MM\x00+", t.TIFF),
    (b"8BPS\x00", t.PSD),
    (b"\x00\x00\x01\x00\x01", t.ICO),
    (b"\xd7\xcd\xc6\x9a", t.WMF),
    (b"\x01\x00\x09\x00\x00\x03", t.WMF),
    (b"VCLMTF", t.SVM),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", t.JP2),
    (b"\xff\x0a", t.JXL),
    (b"\x97JB2\r\n\x1a\n", t.JBIG2),
    (b"AT&TFORM", t.DJVU),
    (b"OggS", t.OGG),
    (b"fLaC", t.FLAC),
    (b"ID3", t.MP3),
    (b"\x1a\x45\xdf\xa3", t.MATROSKA),
    (b"FLV\x01", t.VIDEO),
    (b"\x00\x00\x01\xba", t.VIDEO),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", t.VIDEO),
    (b"#!AMR", t.AUDIO),
    (b"MThd\x00\x00", t.AUDIO),
    (b"\x7fELF", t.EXECUTABLE),
    (b"\xca\xfe\xba\xbe", t.EXECUTABLE),
    (b"\xcf\xfa\xed\xfe", t.EXECUTABLE),
    (b"\xce\xfa\xed\xfe", t.EXECUTABLE),
    (b"\x00asm", t.EXECUTABLE),
    (b"L\x00\x00\x00\x01\x14\x02\x00", t.SHORTCUT),
    (b"SQLite format 3\x00", t.SQLITE),
    (b"PAR1", t.PARQUET),
    (b"wOFF", t.FONT),
    (b"wOF2", t.FONT),
    (b"OTTO", t.FONT),
    (b"\x00\x01\x00\x00\x00", t.FONT),
    (b"%!PS", t.POSTSCRIPT),
    (b"%!", t.POSTSCRIPT),
    (b"-----BEGIN PGP MESSAGE", t.PGP),
    (b"-----BEGIN PKCS7-----", t.SMIME),
    (b"age-encryption.org/v1", t.ENCRYPTED),
    (b"-----BEGIN AGE ENCRYPTED FILE", t.ENCRYPTED),
    (b"Salted__", t.ENCRYPTED),
    (b"\x03\xd9\xa2\x9a", t.KEEPASS),
    (b"LUKS\xba\xbe", t.ENCRYPTED),
    (b"WARC/", t.WARC),
    (b"bplist00", t.PLIST),
)  # fmt: skip
_RIFF = {b"WEBP": t.WEBP, b"WAVE": t.WAV, b"AVI ": t.VIDEO}
_HEIF = re.compile(rb"^....ftyp(?:heic|heix|hevc|heim|heis|mif1|msf1|avif|avis)", re.DOTALL)
_ISO_MEDIA = re.compile(rb"^....(?:ftyp|moov|mdat|wide)", re.DOTALL)
_BZIP = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
_LHA = re.compile(rb"^..-lh[0-9a-z]-", re.DOTALL)
_PGP_PACKET = re.compile(rb"^(?:\x85[\x01-\x04].\x03|\xc1[\xc0-\xdf].\x03|\x84[\x0e-\xff]\x03|\xc1[\x0e-\xbf]\x03"
                         rb"|\x8c[\x04-\x40][\x04-\x06][\x01-\x0e]|\xc3[\x04-\x40][\x04-\x06][\x01-\x0e])", re.DOTALL)  # fmt: skip
_DER_CMS = re.compile(rb"^\x30(?:\x80|[\x20-\x7f]|\x81.|\x82..|\x83...|\x84....)\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01[\x07\x09]", re.DOTALL)  # fmt: skip
_MP3_FRAME = re.compile(rb"^\xff[\xe2\xe3\xf2\xf3\xfa\xfb]")


_PATTERNS = ((_HEIF, t.HEIC), (_ISO_MEDIA, t.VIDEO), (_BZIP, t.BZIP2), (_LHA, t.LHA), (_DER_CMS, t.SMIME),
             (_PGP_PACKET, t.PGP), (_MP3_FRAME, t.MP3))  # fmt: skip
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)


def sniff(data: bytes, names: tuple[str, ...] = ()) -> str:
    """The media type of the octets; `application/octet-stream` when nothing is known. See `types.py`."""
    head = bytes(data[:HEAD])
    found = _binary(data, head)
    if found:
        return found
    if b" obj" in head[:1024] and b"\nxref" in data[-65536:] and b"trailer" in data[-65536:]:
        return t.PDF  # its first line is broken; readers mend that
    return text_type(data, names) or (zip_type(data) if _zip_end(data) else "") or t.UNKNOWN


def _zip_end(data: bytes) -> bool:
    """Whether a ZIP ends here (APPNOTE 4.3.16); whatever stands before it, archive programs open it."""
    return data.rfind(b"PK\x05\x06", max(0, len(data) - 66_000)) >= 0


def _binary(data: bytes, head: bytes) -> str:
    """A format with a signature, or ""."""
    if not head:
        return t.EMPTY
    if head.lstrip(b"\xef\xbb\xbf \t\r\n\0").startswith(b"%PDF-"):
        return t.PDF
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return ole_type(data)
    if head[:2] == b"PK" and head[2:4] in (b"\x03\x04", b"\x05\x06", b"\x07\x08", b"00"):
        return zip_type(data)
    for magic, kind in _AT_START:
        if head.startswith(magic):
            return kind
    found = _patterned(data, head)
    if not found and b"%PDF-" in head[:1100]:  # readers look for it in the first 1,024 octets
        return t.PDF
    return found or (zip_type(data) if _zip_end(data) and _is_binary(head) else "")


def _patterned(data: bytes, head: bytes) -> str:
    """A format whose signature is a pattern or stands further in, or ""."""
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12], t.AUDIO)
    for told, kind in (
        (head.startswith(b"FORM") and head[8:12] in (b"AIFF", b"AIFC"), t.AUDIO),
        (head.startswith(b"MZ") and _is_binary(head), t.EXECUTABLE),
        (head.startswith(b"BM") and len(head) > 26 and head[14] in _BMP_HEADERS, t.BMP),
        (head.startswith(b"\x01\x00\x00\x00") and head[40:44] == b" EMF", t.EMF),
        (head[257:262] == b"ustar" or _old_tar(head), t.TAR),
        (data[0x8001:0x8006] == b"CD001" or data[0x8801:0x8806] == b"CD001", t.ISO),
        (head[60:68] in (b"BOOKMOBI", b"TEXtREAd"), t.MOBI),
        (_is_biff(head), t.XLS),
    ):
        if told:
            return kind
    return next((kind for pattern, kind in _PATTERNS if pattern.match(head)), "")


def _old_tar(head: bytes) -> bool:
    """A tar of before POSIX has no magic; its first header has a sum of its octets at 148."""
    if len(head) < 512 or not head[0]:
        return False
    try:
        promised = int(head[148:156].strip(b" \0"), 8)
    except ValueError:
        return False
    return promised == sum(head[:148]) + 8 * 32 + sum(head[156:512])


def _is_biff(head: bytes) -> bool:
    """An Excel file of before 1995 starts with a BOF record outside any container."""
    return len(head) > 8 and head[0] == 9 and head[1] in (0, 2, 4, 8) and head[2] in (4, 6, 8, 16) and head[3] == 0


def _is_binary(head: bytes) -> bool:
    return b"\0" in head
