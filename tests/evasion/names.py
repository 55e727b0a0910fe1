# SPDX-License-Identifier: Apache-2.0
"""Ways to give a file a name that one program reads and another one does not."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from tests.evasion.secrets import Trick, file_octets, in_base64, mail
from tests.evasion.structures import mixed

WORD = b"=?utf-8?b?%b?="
# %n is the secret name, %p its percent form, %q its RFC 2047 word (q), %b the word (b), %1 and %2 its halves.
DISPOSITIONS: dict[str, bytes] = {
    "plain": b"attachment; filename=%n",
    "quoted": b'attachment; filename="%n"',
    "single-quoted": b"attachment; filename='%n'",
    "quote-open": b'attachment; filename="%n',
    "quote-behind": b'attachment; filename=%n"',
    "spaces-around": b"attachment; filename = %n",
    "upper": b"ATTACHMENT; FILENAME=%n",
    "no-semicolon": b"attachment filename=%n",
    "comma": b"attachment, filename=%n",
    "two-semicolons": b"attachment;; filename=%n",
    "only-name": b"filename=%n",
    "no-type": b"; filename=%n",
    "inline": b"inline; filename=%n",
    "unknown": b"x-strange; filename=%n",
    "comment": b"attachment (; filename=a.txt); filename=%n",
    "comment-in-value": b"attachment; filename=(a.txt)%n",
    "twice-first": b"attachment; filename=%n; filename=a.txt",
    "twice-last": b"attachment; filename=a.txt; filename=%n",
    "other-in-quotes": b'attachment; x="; filename=a.txt"; filename=%n',
    "in-quotes": b'attachment; x="; filename=%n; y="',
    "extended": b"attachment; filename*=utf-8''%p",
    "extended-upper": b"attachment; FILENAME*=UTF-8''%p",
    "extended-quoted": b"attachment; filename*=\"utf-8''%p\"",
    "extended-no-charset": b"attachment; filename*=''%p",
    "extended-no-quotes": b"attachment; filename*=%p",
    "extended-language": b"attachment; filename*=utf-8'de'%p",
    "extended-unknown-charset": b"attachment; filename*=x-unknown''%p",
    "extended-and-plain": b"attachment; filename=a.txt; filename*=utf-8''%p",
    "plain-and-extended": b"attachment; filename*=utf-8''a.txt; filename=%n",
    "pieces": b"attachment; filename*0=%1; filename*1=%2",
    "pieces-swapped": b"attachment; filename*1=%2; filename*0=%1",
    "pieces-extended": b"attachment; filename*0*=utf-8''%P1; filename*1*=%P2",
    "pieces-mixed": b"attachment; filename*0*=utf-8''%P1; filename*1=%2",
    "pieces-from-one": b"attachment; filename*1=%1; filename*2=%2",
    "pieces-with-gap": b"attachment; filename*0=%1; filename*5=%2",
    "pieces-zero-padded": b"attachment; filename*00=%1; filename*01=%2",
    "pieces-and-plain": b"attachment; filename=a.txt; filename*0=%1; filename*1=%2",
    "pieces-twice": b"attachment; filename*0=a.; filename*0=%1; filename*1=%2",
    "percent": b"attachment; filename=%p",
    "percent-quoted": b'attachment; filename="%p"',
    "word-q": b"attachment; filename=%q",
    "word-q-quoted": b'attachment; filename="%q"',
    "word-b": b"attachment; filename=%b",
    "word-b-quoted": b'attachment; filename="%b"',
    "word-open": b'attachment; filename="=?utf-8?q?%n"',
    "word-unknown-charset": b'attachment; filename="=?x-unknown?q?%n?="',
    "word-split": b'attachment; filename="=?utf-8?q?%1?= =?utf-8?q?%2?="',
    "word-folded": b'attachment; filename="=?utf-8?q?%1?=\r\n =?utf-8?q?%2?="',
    "word-in-extended": b"attachment; filename*=utf-8''%q",
    "backslashes": b'attachment; filename="C:\\temp\\%n"',
    "quoted-pairs": b'attachment; filename="%s"',
    "path": b"attachment; filename=../../%n",
    "folded": b"attachment;\r\n filename=%n",
    "folded-in-value": b'attachment; filename="%1\r\n %2"',
    "folded-after-equals": b"attachment; filename=\r\n %n",
    "nul-behind": b'attachment; filename="%n\x00.txt"',
    "nul-in-key": b"attachment; file\x00name=%n",
    "blank-in-name": b"attachment; filename=a %n",
    "trailing-dots": b'attachment; filename="%n. . ."',
    "right-to-left": b'attachment; filename="%1\xe2\x80\xae%2"',
    "zero-width": b'attachment; filename="%1\xe2\x80\x8b%2"',
    "soft-hyphen": b'attachment; filename="%1\xc2\xad%2"',
    "full-width": b'attachment; filename="%w"',
    "utf-7": b'attachment; filename="%7"',
    "second-field": b"attachment; filename=a.txt\r\nContent-Disposition: attachment; filename=%n",
    "first-field": b"attachment; filename=%n\r\nContent-Disposition: attachment; filename=a.txt",
    "space-before-colon": b"attachment\r\nContent-Disposition : attachment; filename=%n",
    "many-parameters": b"attachment" + b"; a=b" * 60 + b"; filename=%n",
    "long-padding": b'attachment; filename="' + b" " * 400 + b'%n"',
}  # fmt: skip
TYPES: dict[str, bytes] = {
    "type-name": b"application/octet-stream; name=%n",
    "type-name-quoted": b'application/octet-stream; name="%n"',
    "type-name-extended": b"application/octet-stream; name*=utf-8''%p",
    "type-pieces": b"application/octet-stream; name*0=%1; name*1=%2",
    "type-word": b'application/octet-stream; name="%q"',
    "type-filename": b"application/octet-stream; filename=%n",
    "type-broken": b"octet-stream; name=%n",
    "type-no-semicolon": b"application/octet-stream name=%n",
    "type-twice": b"application/octet-stream; name=a.txt\r\nContent-Type: application/octet-stream; name=%n",
    "type-comment": b"application/octet-stream (x); name=%n",
    "type-space": b"application/octet-stream ; name =%n",
}


def file_names() -> Iterator[Trick]:
    """Each trick with a name of its own."""
    for number, (trick, form) in enumerate((DISPOSITIONS | TYPES).items(), 8001):
        name = f"Gehaltsliste-{number}.xlsx"
        field = _filled(form, name)
        if trick in TYPES:
            head = b"Content-Type: " + field + b"\r\nContent-Disposition: attachment"
        else:
            head = b"Content-Type: application/octet-stream\r\nContent-Disposition: " + field
        file = file_octets(number)
        part = head + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + in_base64(file)
        harmless = b"Content-Type: text/plain\r\n\r\nAnbei.\r\n"
        raw = mail(b"Content-Type: multipart/mixed; boundary=b0", body=mixed(harmless, part))
        yield Trick("file names", trick, raw, octets=file, file_name=name)


def _filled(form: bytes, name: str) -> bytes:
    octets = name.encode()
    half = len(octets) // 2
    percent = b"".join(b"%%%02X" % octet for octet in octets)
    values = {
        b"%P1": percent[: half * 3],
        b"%P2": percent[half * 3 :],
        b"%n": octets,
        b"%p": percent,
        b"%q": b"=?utf-8?q?" + percent.replace(b"%", b"=") + b"?=",
        b"%b": b"=?utf-8?b?" + base64.b64encode(octets) + b"?=",
        b"%1": octets[:half],
        b"%2": octets[half:],
        b"%s": b"".join(b"\\%c" % octet for octet in octets),
        b"%w": "".join(chr(ord(sign) + 0xFEE0) if sign.isalnum() else sign for sign in name).encode(),
        b"%7": b"+" + base64.b64encode(name.encode("utf-16-be")).rstrip(b"=") + b"-",
    }
    for sign, value in values.items():
        form = form.replace(sign, value)
    return form
