# SPDX-License-Identifier: Apache-2.0
"""An account number in archives of unusual formats, in polyglots, in files whose names and types say something else."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import brotli  # type: ignore[import-untyped]
from backports import zstd

from tests.content.formats import make
from tests.content.samples import Zip, by_libarchive, cabinet, rar4, rar5, seven, tarred
from tests.evasion.whole import IBAN, TEXT, Case, attach, multipart, part, plain

SECRET = TEXT.encode()
LONG = (TEXT + "\r\n").encode() * 20
FILES = {"a.txt": LONG}
ZIP = make.zipped({"a.txt": LONG})


def _arj() -> bytes:
    """ARJ with one stored file (technote of ARJ 2.77)."""

    def header(kind: int, name: bytes, size: int, crc: int) -> bytes:
        fixed = struct.pack("<BBBBBBBBIIIIHHH", 30, 11, 1, 0, 0x10, 0, kind, 0, 0, size, size, crc, 0, 0x20, 0)
        block = fixed + name + b"\0\0"
        return b"\x60\xea" + struct.pack("<H", len(block)) + block + struct.pack("<IH", zlib.crc32(block), 0)

    return header(2, b"a.arj", 0, 0) + header(0, b"a.txt", len(LONG), zlib.crc32(LONG)) + LONG + b"\x60\xea\0\0"


def _lzh() -> bytes:
    """LHA with one stored file, header of level 0."""
    name = b"a.txt"
    rest = (
        b"-lh0-"
        + struct.pack("<IIIBB", len(LONG), len(LONG), 0, 0x20, 0)
        + bytes([len(name)])
        + name
        + struct.pack("<H", 0)
    )
    return bytes([len(rest), sum(rest) & 0xFF]) + rest + LONG + b"\0"


def _zip(**how: Any) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how.get("method", zipfile.ZIP_DEFLATED)) as archive:
        info = zipfile.ZipInfo(str(how.get("name", "a.txt")))
        info.compress_type = how.get("method", zipfile.ZIP_DEFLATED)
        info.comment = how.get("note", b"")
        info.extra = how.get("extra", b"")
        with archive.open(info, "w", force_zip64=bool(how.get("zip64"))) as file:
            file.write(how.get("data", LONG))
        archive.comment = how.get("comment", b"")
    return out.getvalue()


def _with_method(archive: bytes, method: int, flags: int = 0) -> bytes:
    """The same ZIP, its only member said to be packed otherwise."""
    out = bytearray(archive)
    struct.pack_into("<HH", out, 6, flags, method)
    struct.pack_into("<HH", out, out.rfind(b"PK\x01\x02") + 8, flags, method)
    return bytes(out)


def _raw_zip(packed: bytes, method: int, size: int) -> bytes:
    return Zip().add(b"a.txt", LONG, method=method, packed=packed, size=size).octets()


def _tar_of(name: str, data: bytes, **more: Any) -> bytes:
    out = io.BytesIO()
    with tarfile.open(
        fileobj=out, mode="w", format=more.get("format", tarfile.PAX_FORMAT), pax_headers=more.get("pax", {})
    ) as archive:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        info.uname = str(more.get("user", ""))
        archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _wim() -> bytes:
    return b"MSWIM\0\0\0" + struct.pack("<III", 208, 0x10D00, 0) + bytes(188) + LONG


def _udf() -> bytes:
    """The recognition sequence of UDF without ISO 9660 (ECMA-167)."""
    return (
        bytes(0x8000)
        + b"\0BEA01\x01"
        + bytes(2041)
        + b"\0NSR02\x01"
        + bytes(2041)
        + b"\0TEA01\x01"
        + bytes(2041)
        + LONG
    )


def _msi() -> bytes:
    return make.compound(
        {
            "\u4840\u3f3f\u4577": b"\0" * 64,
            "Cabs.w1": cabinet(b"a.txt", LONG),
            "\u0005SummaryInformation": b"\xfe\xff" + bytes(60),
        }
    )


def _lz4() -> bytes:
    """LZ4 frame with one block that is not packed (LZ4 frame format 1.6)."""
    head = bytes([0x60, 0x70])
    return b"\x04\x22\x4d\x18" + head + b"\x73" + struct.pack("<I", len(LONG) | 0x80000000) + LONG + bytes(4)


def _sfx(archive: bytes) -> bytes:
    return b"MZ" + bytes(58) + struct.pack("<I", 128) + bytes(64) + b"PE\0\0" + bytes(2000) + archive


def _split(data: bytes) -> tuple[bytes, bytes]:
    return data[: len(data) // 2], data[len(data) // 2 :]


BMP = b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54 + 4, 0, 0, 54, 40, 1, 1, 1, 24, 0, 4, 0, 0, 0, 0) + bytes(4)
GIF = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"
WAV = (
    b"RIFF"
    + struct.pack("<I", 36)
    + b"WAVEfmt "
    + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8)
    + b"data\0\0\0\0"
)


def _id3(frame: bytes, text: bytes) -> bytes:
    body = frame + struct.pack(">IH", len(text), 0) + text
    return b"ID3\x03\0\0" + bytes([0, 0, len(body) >> 7, len(body) & 127]) + body + b"\xff\xfb\x90\0" + bytes(400)


def _mp4(text: bytes) -> bytes:
    def box(kind: bytes, inner: bytes) -> bytes:
        return struct.pack(">I", len(inner) + 8) + kind + inner

    tag = box(b"ilst", box(b"\xa9cmt", box(b"data", struct.pack(">II", 1, 0) + text)))
    return (
        box(b"ftyp", b"isom\0\0\0\0isom")
        + box(b"moov", box(b"udta", box(b"meta", bytes(4) + tag)))
        + box(b"mdat", bytes(100))
    )


def _chunked(name: str, data: bytes) -> bytes:
    first, second = _split(data)
    return multipart(
        part("application/octet-stream", first, f'Content-Disposition: attachment; filename="{name}.001"'),
        part("application/octet-stream", second, f'Content-Disposition: attachment; filename="{name}.002"'),
    )


# name -> (sentence, file name, octets)
ARCHIVES: dict[str, tuple[str, str, bytes]] = {
    "cab": ("A cabinet.", "a.cab", cabinet(b"a.txt", LONG)),
    "arj": ("An ARJ.", "a.arj", _arj()),
    "lzh": ("An LHA of level 0.", "a.lzh", _lzh()),
    "iso": ("A picture of a CD.", "a.iso", by_libarchive("iso9660", FILES)),
    "udf": ("A picture of a DVD without the old file system.", "a.iso", _udf()),
    "wim": ("A picture of Windows.", "a.wim", _wim()),
    "msi": ("An installer with a cabinet inside.", "a.msi", _msi()),
    "xar": ("A XAR.", "a.xar", by_libarchive("xar", FILES)),
    "cpio": ("A cpio of today.", "a.cpio", by_libarchive("cpio_newc", FILES)),
    "cpio-odc": ("A cpio of yesterday.", "a.cpio", by_libarchive("cpio", FILES)),
    "cpio-binary": ("A binary cpio of long ago.", "a.cpio", struct.pack("<13H", 0o070707, 0, 1, 0o100644, 0, 0, 1, 0, 0, 0, 6, 0, len(LONG)) + b"a.txt\0" + LONG),
    "ar": ("A Unix ar.", "a.a", by_libarchive("ar_bsd", FILES)),
    "warc": ("An archive of the web.", "a.warc", by_libarchive("warc", FILES)),
    "shar": ("A shell archive.", "a.shar", by_libarchive("shar", FILES)),
    "7z": ("An archive of 7-Zip.", "a.7z", seven(FILES)),
    "7z-copy": ("A 7z by libarchive.", "a.7z", by_libarchive("7zip", FILES)),
    "7z-in-exe": ("A 7z behind a program.", "a.exe", _sfx(seven(FILES))),
    "rar4": ("A RAR of version 4.", "a.rar", rar4(b"a.txt", SECRET)),
    "rar5": ("A RAR of version 5.", "a.rar", rar5(b"a.txt", SECRET)),
    "rar-in-exe": ("A RAR behind a program.", "a.exe", _sfx(rar5(b"a.txt", SECRET))),
    "zip-in-exe": ("A ZIP behind a program.", "a.exe", _sfx(ZIP)),
    "zip-prefix-text": ("A ZIP behind text.", "a.txt", b"Nur ein Text.\r\n" * 40 + ZIP),
    "zip-prefix-noise": ("A ZIP behind noise.", "a.dat", bytes(range(256)) * 40 + ZIP),
    "zip-suffix": ("A ZIP before text.", "a.zip", ZIP + b"\r\nNur ein Text.\r\n" * 40),
    "zip64": ("A ZIP with long sizes.", "a.zip", _zip(zip64=True)),
    "zip-aes": ("A ZIP encrypted with AES.", "a.zip", _with_method(ZIP, 99, 1)),
    "zip-crypto": ("A ZIP encrypted the old way.", "a.zip", _with_method(ZIP, 8, 1)),
    "zip-bzip2": ("A ZIP with bzip2.", "a.zip", _zip(method=zipfile.ZIP_BZIP2)),
    "zip-lzma": ("A ZIP with LZMA.", "a.zip", _zip(method=zipfile.ZIP_LZMA)),
    "zip-zstd": ("A ZIP with Zstandard.", "a.zip", _raw_zip(zstd.compress(LONG), 93, len(LONG))),
    "zip-xz": ("A ZIP with xz.", "a.zip", _raw_zip(lzma.compress(LONG), 95, len(LONG))),
    "zip-deflate64": ("A ZIP with Deflate64.", "a.zip", _with_method(ZIP, 9)),
    "zip-implode": ("A ZIP with the method of 1989.", "a.zip", _with_method(ZIP, 6)),
    "zip-shrink": ("A ZIP that was shrunk.", "a.zip", _with_method(ZIP, 1)),
    "zip-ppmd": ("A ZIP with PPMd.", "a.zip", _with_method(ZIP, 98)),
    "zip-unknown-method": ("A ZIP with a method nobody knows.", "a.zip", _with_method(ZIP, 77)),
    "zip-comment": ("In the comment of a ZIP.", "a.zip", _zip(data=b"Hallo", comment=SECRET)),
    "zip-member-comment": ("In the comment of a member.", "a.zip", _zip(data=b"Hallo", note=SECRET)),
    "zip-extra": ("In an extra field of a member.", "a.zip", _zip(data=b"Hallo", extra=struct.pack("<HH", 0x9999, len(SECRET)) + SECRET)),
    "zip-unicode-name": ("In a second name of a member.", "a.zip", _zip(data=b"Hallo", extra=struct.pack("<HHBI", 0x7075, 5 + len(SECRET), 1, zlib.crc32(b"a.txt")) + SECRET)),
    "zip-folder-name": ("As the name of an empty folder.", "a.zip", make.zipped({f"Konto {IBAN}/": b"", "b.txt": b"x"})),
    "zip-between": ("Between the members and the directory.", "a.zip", ZIP[: ZIP.find(b"PK\x01\x02")].replace(b"x", b"x") + SECRET + ZIP[ZIP.find(b"PK\x01\x02") :]),
    "zip-local-only": ("A member the directory does not name.", "a.zip", Zip().add(b"b.txt", b"Hallo").octets()[:0] + ZIP[: ZIP.find(b"PK\x01\x02")] + make.zipped({"b.txt": b"Hallo"})),
    "zip-no-directory": ("A ZIP cut off before its directory.", "a.zip", ZIP[: ZIP.find(b"PK\x01\x02")]),
    "zip-two": ("Two ZIPs in a row.", "a.zip", ZIP + make.zipped({"b.txt": b"Hallo"})),
    "zip-spanned": ("A ZIP that says it is the first of many.", "a.zip", b"PK\x07\x08" + ZIP),
    "zip-in-zip": ("A ZIP in a ZIP in a ZIP.", "a.zip", make.zipped({"b.zip": make.zipped({"c.zip": ZIP})})),
    "zip-too-deep": ("Eight ZIPs in each other.", "a.zip", __import__("functools").reduce(lambda inner, _: make.zipped({"x.zip": inner}), range(8), ZIP)),
    "gzip": ("A gzip.", "a.gz", gzip.compress(LONG, mtime=0)),
    "gzip-name": ("As the name in a gzip.", "a.gz", b"\x1f\x8b\x08\x08\0\0\0\0\0\x03" + SECRET + b"\0" + gzip.compress(b"Hallo", mtime=0)[10:]),
    "gzip-comment": ("As the comment in a gzip.", "a.gz", b"\x1f\x8b\x08\x10\0\0\0\0\0\x03" + SECRET + b"\0" + gzip.compress(b"Hallo", mtime=0)[10:]),
    "gzip-extra": ("As the extra field in a gzip.", "a.gz", b"\x1f\x8b\x08\x04\0\0\0\0\0\x03" + struct.pack("<H", len(SECRET)) + SECRET + gzip.compress(b"Hallo", mtime=0)[10:]),
    "gzip-two": ("In the second of two gzips.", "a.gz", gzip.compress(b"Hallo", mtime=0) + gzip.compress(LONG, mtime=0)),
    "gzip-tail": ("Behind a gzip.", "a.gz", gzip.compress(b"Hallo", mtime=0) + SECRET),
    "bzip2": ("A bzip2.", "a.bz2", bz2.compress(LONG)),
    "xz": ("An xz.", "a.xz", lzma.compress(LONG)),
    "lzma": ("An LZMA of old.", "a.lzma", lzma.compress(LONG, lzma.FORMAT_ALONE)),
    "zstd": ("A Zstandard.", "a.zst", zstd.compress(LONG)),
    "zstd-skippable": ("In a frame of Zstandard that is skipped.", "a.zst", b"\x50\x2a\x4d\x18" + struct.pack("<I", len(SECRET)) + SECRET + zstd.compress(b"Hallo")),
    "brotli": ("A Brotli, which has no mark.", "a.br", brotli.compress(LONG)),
    "lz4": ("An LZ4.", "a.lz4", _lz4()),
    "lz4-skippable": ("In a frame of LZ4 that is skipped.", "a.lz4", b"\x5a\x2a\x4d\x18" + struct.pack("<I", len(SECRET)) + SECRET + _lz4()[:7] + bytes(4)),
    "zlib": ("A zlib stream without a container.", "a.z", zlib.compress(LONG)),
    "deflate": ("A raw deflate stream.", "a.bin", zlib.compress(LONG)[2:-4]),
    "compress": ("A Unix compress.", "a.Z", b"\x1f\x9d\x90" + bytes(40)),
    "snappy": ("A Snappy frame.", "a.sz", b"\xff\x06\0\0sNaPpY\x01" + struct.pack("<I", len(LONG) + 4)[:3] + bytes(4) + LONG),
    "tar": ("A tar.", "a.tar", tarred(FILES)),
    "tar-gz": ("A tar in a gzip.", "a.tgz", gzip.compress(tarred(FILES), mtime=0)),
    "tar-zst": ("A tar in a Zstandard.", "a.tar.zst", zstd.compress(tarred(FILES))),
    "tar-pax": ("In a comment of a tar.", "a.tar", _tar_of("a.txt", b"Hallo", pax={"comment": TEXT})),
    "tar-user": ("As the owner of a file in a tar.", "a.tar", _tar_of("a.txt", b"Hallo", format=tarfile.USTAR_FORMAT, user=IBAN)),
    "tar-long-name": ("As the long name of a file in a tar.", "a.tar", _tar_of(f"{'x' * 120}/{TEXT}.txt", b"Hallo", format=tarfile.GNU_FORMAT)),
    "tar-behind": ("Behind the end of a tar.", "a.tar", tarred({"a.txt": b"Hallo"}) + tarred(FILES)),
    "split-zip": ("A ZIP cut into two files.", "", _chunked("a.zip", make.zipped({"a.txt": LONG}))),
    "split-7z": ("A 7z cut into two files.", "", _chunked("a.7z", seven(FILES))),
    "split-text": ("A text cut into two files in the middle of the number.", "", _chunked("a.txt", f"Konto {IBAN}".encode() + b" " * 6)),
    "split-docx": ("A Word document cut into two files.", "", _chunked("a.docx", make.docx(body=TEXT))),
    "dmg": ("A disk of a Mac.", "a.dmg", bytes(512) + LONG + b"koly" + struct.pack(">II", 4, 512) + bytes(500)),
    "squashfs": ("A file system of Linux.", "a.sqfs", b"hsqs" + bytes(92) + zlib.compress(LONG)),
    "vhd": ("A disk of a machine.", "a.vhd", b"conectix" + bytes(504) + zlib.compress(LONG)),
    "ace": ("An ACE.", "a.ace", b"\x12\x34\x31\0\0\x90\0**ACE**" + bytes(40) + zlib.compress(LONG)),
    "zoo": ("A ZOO.", "a.zoo", b"ZOO 2.10 Archive.\x1a\0\0\xdc\xa7\xc4\xfd" + bytes(20) + zlib.compress(LONG)),
    "arc": ("An ARC of 1985.", "a.arc", b"\x1a\x08a.txt\0\0\0\0\0\0\0\0" + struct.pack("<I", 99) + bytes(10) + zlib.compress(LONG)),
    "sit": ("A StuffIt.", "a.sit", b"SIT!\0\x01\0\0\0\x99rLau\x02" + bytes(20) + zlib.compress(LONG)),
    "uha": ("An archive that is only noise.", "a.uha", b"UHA" + zlib.compress(LONG)[2:]),
    "jar": ("A Java archive.", "a.jar", make.zipped({"META-INF/MANIFEST.MF": "Manifest-Version: 1.0\r\n", "a.txt": LONG})),
    "apk": ("An app of Android.", "a.apk", make.zipped({"AndroidManifest.xml": b"\x03\0\x08\0", "assets/a.txt": LONG})),
    "deb": ("A package of Debian.", "a.deb", by_libarchive("ar_bsd", {"debian-binary": b"2.0\n", "data.tar.xz": lzma.compress(tarred(FILES))})),
    "rpm": ("A package of Red Hat.", "a.rpm", b"\xed\xab\xee\xdb\x03\0" + bytes(90) + gzip.compress(by_libarchive("cpio_newc", FILES), mtime=0)),
    "crx": ("An extension of a browser.", "a.crx", b"Cr24\x03\0\0\0\x04\0\0\0abcd" + ZIP),
    "pickle": ("A pickle.", "a.pkl", __import__("pickle").dumps({"k": TEXT})),
    "pickle-packed": ("A pickle of packed octets.", "a.pkl", __import__("pickle").dumps({"k": zlib.compress(LONG)})),
    "sqlite-like": ("A database.", "a.db", b"SQLite format 3\0" + bytes(84) + SECRET),
    "npy": ("An array of numbers.", "a.npy", b"\x93NUMPY\x01\0v\0{'descr': '|u1', 'fortran_order': False, 'shape': (10,), }" + b" " * 60 + SECRET),
    "pcap": ("A recording of a network.", "a.pcap", b"\xd4\xc3\xb2\xa1\x02\0\x04\0" + bytes(16) + bytes(16) + SECRET),
    "wasm": ("A program of a browser.", "a.wasm", b"\0asm\x01\0\0\0\0\x40\x04name" + SECRET),
    "class": ("A program of Java.", "a.class", b"\xca\xfe\xba\xbe\0\0\0\x34\0\x02\x01\0\x24" + SECRET),
    "bmp-zip": ("A picture and a ZIP.", "a.bmp", BMP + ZIP),
    "gif-zip": ("A picture and a ZIP.", "a.gif", GIF + ZIP),
    "gif-text": ("A picture and text.", "a.gif", GIF + SECRET),
    "jpeg-rar": ("A picture and a RAR.", "a.jpg", make.jpeg(b"x") + rar5(b"a.txt", SECRET)),
    "png-7z": ("A picture and a 7z.", "a.png", make.png() + seven(FILES)),
    "png-base64": ("A picture and base64.", "a.png", make.png() + base64.b64encode(SECRET)),
    "png-gzip": ("A picture and a gzip.", "a.png", make.png() + gzip.compress(LONG, mtime=0)),
    "png-zlib": ("A picture and a zlib stream.", "a.png", make.png() + zlib.compress(LONG)),
    "png-private-chunk": ("A chunk of one's own in a picture.", "a.png", make.png((b"zzZz", SECRET))),
    "png-private-packed": ("A packed chunk of one's own in a picture.", "a.png", make.png((b"zzZz", zlib.compress(LONG)))),
    "png-text": ("A text chunk.", "a.png", make.png((b"tEXt", b"Comment\0" + SECRET))),
    "png-ztxt": ("A packed text chunk.", "a.png", make.png((b"zTXt", b"Comment\0\0" + zlib.compress(SECRET)))),
    "png-itxt": ("A packed international text chunk.", "a.png", make.png((b"iTXt", b"Comment\0\x01\0\0\0" + zlib.compress(SECRET)))),
    "png-exif": ("EXIF in a PNG.", "a.png", make.png((b"eXIf", make.exif(SECRET)))),
    "png-iccp": ("As the name of a colour profile.", "a.png", make.png((b"iCCP", SECRET + b"\0\0" + zlib.compress(b"x")))),
    "png-iccp-packed": ("In a colour profile.", "a.png", make.png((b"iCCP", b"x\0\0" + zlib.compress(LONG)))),
    "png-second-idat": ("Text behind the packed pixels.", "a.png", make.png((b"IDAT", zlib.compress(b"\0\0")), (b"IDAT", SECRET))),
    "jpeg-exif": ("EXIF in a JPEG.", "a.jpg", make.jpeg(SECRET)),
    "jpeg-xmp": ("XMP in a JPEG.", "a.jpg", b"\xff\xd8\xff\xe1" + struct.pack(">H", 2 + 29 + 22 + len(SECRET)) + b"http://ns.adobe.com/xap/1.0/\0" + b"<x:xmpmeta>" + SECRET + b"</x:xmpmeta>"[:11] + b"\xff\xd9"),
    "jpeg-iptc": ("IPTC in a JPEG.", "a.jpg", b"\xff\xd8\xff\xed" + struct.pack(">H", 2 + 19 + len(SECRET)) + b"Photoshop 3.0\0\x1c\x02\x78\0\x24" + SECRET + b"\xff\xda\0\x02\0\xff\xd9"),
    "jpeg-app15": ("A block of one's own in a JPEG.", "a.jpg", b"\xff\xd8\xff\xef" + struct.pack(">H", 2 + len(SECRET)) + SECRET + b"\xff\xda\0\x02\0\xff\xd9"),
    "jpeg-app-packed": ("A packed block of one's own in a JPEG.", "a.jpg", b"\xff\xd8\xff\xef" + struct.pack(">H", 2 + len(zlib.compress(LONG))) + zlib.compress(LONG) + b"\xff\xda\0\x02\0\xff\xd9"),
    "gif-comment": ("A comment in a GIF.", "a.gif", GIF[:-1] + b"!\xfe" + bytes([len(SECRET)]) + SECRET + b"\0;"),
    "gif-application": ("A block of an application in a GIF.", "a.gif", GIF[:-1] + b"!\xff\x0bXMP DataXMP" + bytes([len(SECRET)]) + SECRET + b"\0;"),
    "webp-exif": ("EXIF in a WebP.", "a.webp", b"RIFF" + struct.pack("<I", 12 + len(make.exif(SECRET))) + b"WEBPEXIF" + struct.pack("<I", len(make.exif(SECRET))) + make.exif(SECRET)),
    "tiff-tag": ("A text in a TIFF.", "a.tif", make.exif(SECRET)),
    "heic-text": ("A text in a HEIC.", "a.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + struct.pack(">I", 8 + len(SECRET)) + b"free" + SECRET),
    "wav-info": ("A comment in a sound.", "a.wav", WAV + b"LIST" + struct.pack("<I", 12 + len(SECRET)) + b"INFOICMT" + struct.pack("<I", len(SECRET)) + SECRET),
    "mp3-comment": ("A comment in a song.", "a.mp3", _id3(b"COMM", b"\0deu\0" + SECRET)),
    "mp3-utf-16": ("A text in UTF-16 in a song.", "a.mp3", _id3(b"USLT", b"\x01deu\xff\xfe\0\0" + TEXT.encode("utf-16"))),
    "mp3-v1": ("The old tag behind a song.", "a.mp3", b"\xff\xfb\x90\0" + bytes(400) + b"TAG" + IBAN.encode().ljust(125, b"\0")),
    "ogg-comment": ("A comment in an Ogg.", "a.ogg", b"OggS\0\x02" + bytes(20) + b"\x01\x1e\x01vorbis" + bytes(23) + b"OggS\0\0" + bytes(20) + b"\x03vorbis" + struct.pack("<I", 3) + b"enc" + struct.pack("<II", 1, 8 + len(SECRET)) + b"COMMENT=" + SECRET),
    "flac-comment": ("A comment in a FLAC.", "a.flac", b"fLaC\0\0\0\x22" + bytes(34) + b"\x84\0\0" + bytes([16 + len(SECRET)]) + bytes(4) + struct.pack("<II", 1, 8 + len(SECRET)) + b"COMMENT=" + SECRET),
    "mp4-comment": ("A comment in a film.", "a.mp4", _mp4(SECRET)),
    "avi-info": ("A comment in an AVI.", "a.avi", b"RIFF" + struct.pack("<I", 90) + b"AVI LIST" + struct.pack("<I", 12 + len(SECRET)) + b"INFOICMT" + struct.pack("<I", len(SECRET)) + SECRET),
    "subtitles": ("Subtitles.", "a.srt", f"1\r\n00:00:01,000 --> 00:00:02,000\r\n{TEXT}\r\n".encode()),
    "font": ("The name of a font.", "a.ttf", b"\0\x01\0\0\0\x01\0\0\0\0\0\0name" + bytes(12) + TEXT.encode("utf-16-be")),
    "lnk": ("The arguments of a shortcut.", "a.lnk", b"L\0\0\0\x01\x14\x02\0" + bytes(68) + TEXT.encode("utf-16-le")),
    "url": ("An address file.", "a.url", f"[InternetShortcut]\r\nURL=https://x.example/?k=Konto+{IBAN}\r\n".encode()),
    "reg": ("A registry file, in hexadecimal.", "a.reg", ('Windows Registry Editor Version 5.00\r\n"k"=hex(1):' + ",".join(f"{o:02x}" for o in TEXT.encode("utf-16-le")) + "\r\n").encode()),
    "torrent": ("A torrent.", "a.torrent", b"d8:announce3:x:x7:comment36:" + SECRET + b"e"),
    "vcd": ("A base64 file without line ends, named as a picture.", "a.jpg", base64.b64encode(LONG)),
    "base85": ("A file in base85 of Python.", "a.b85", base64.b85encode(LONG)),
    "base91-like": ("A file in Ascii85 without marks.", "a.a85", base64.a85encode(LONG)),
    "xor": ("A text with every octet changed.", "a.bin", bytes(o ^ 0x5A for o in LONG)),
    "reversed-zip": ("A ZIP from back to front.", "a.bin", ZIP[::-1]),
    "zip-xor": ("A ZIP with every octet changed.", "a.bin", bytes(o ^ 0x5A for o in ZIP)),
    "zip-no-magic": ("A ZIP without its first letters.", "a.bin", b"XX" + ZIP[2:]),
    "zip-magic-only-local": ("A ZIP whose last record is damaged.", "a.zip", ZIP.replace(b"PK\x05\x06", b"PX\x05\x06")),
    "html-zip": ("A page and a ZIP.", "a.html", b"<html><body>Hallo</body></html>" + ZIP),
    "pdf-zip": ("A PDF and a ZIP.", "a.pdf", make.pdf("Hallo Welt") + ZIP),
    "pdf-text": ("A PDF and text behind its end.", "a.pdf", make.pdf("Hallo Welt") + b"\n" + SECRET),
    "mhtml": ("A saved web page.", "a.mht", plain(TEXT)),
    "eml-in-zip": ("A mail in a ZIP.", "a.zip", make.zipped({"a.eml": plain(TEXT)})),
}  # fmt: skip
LOCKED = frozenset({"zip-aes", "zip-crypto"})


def containers() -> Iterator[Case]:
    """Each file in a mail with a letter."""
    for name, (says, file, data) in ARCHIVES.items():
        raw = attach(file, data) if file else data
        yield Case("containers", name, says, raw, must_hold=name in LOCKED)
