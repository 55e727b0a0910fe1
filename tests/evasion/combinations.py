# SPDX-License-Identifier: Apache-2.0
"""Several tricks in one mail: an odd type field over odd delimiters over an odd encoding field over an odd body."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.evasion.bodies import BASE64, ONLY_DECLARED, ONLY_UNDECLARED, QUOTED_PRINTABLE
from tests.evasion.secrets import CRLF, Trick, file_octets, mail, sentence
from tests.evasion.structures import ENCODING_FIELDS, FIELD_FORMS, HARMLESS, TYPE_FIELDS

DELIMITERS = {
    "plain": (b"--b0\r\n", b"\r\n--b0--\r\n"),
    "open": (b"--b0\r\n", b"\r\n"),
    "indented": (b" --b0\r\n", b"\r\n--b0--\r\n"),
    "junk": (b"--b0 x\r\n", b"\r\n--b0--\r\n"),
    "closed-before": (b"--b0--\r\n--b0\r\n", b"\r\n"),
    "lone-lf": (b"x\n--b0\n", b"\n--b0--\n"),
    "lone-cr": (b"x\r--b0\r", b"\r--b0--\r"),
    "upper": (b"--B0\r\n", b"\r\n--B0--\r\n"),
    "none": (b"\r\n", b"\r\n"),
    "other": (b"--b1\r\n", b"\r\n--b1--\r\n"),
    "preamble": (b"\r\n", b"\r\n--b0\r\n\r\nx\r\n--b0--\r\n"),
}
BREAKS = {
    "crlf": CRLF + CRLF,
    "lf": b"\n\n",
    "cr": b"\r\r",
    "blank-looking": b"\r\n \r\n",
    "mixed": b"\r\n\n",
    "cr-cr-lf": b"\r\r\n\r\n",
}
WRAPS = {
    "bare": b"",
    "in-a-mail": b"Content-Type: message/rfc822\r\n\r\n",
    "in-an-eml": b"Content-Type: application/octet-stream; name=a.eml\r\n\r\nFrom: a@b.example\r\nTo: c@d.example\r\nDate: x\r\n",
}
COUNT = 1200


def combinations() -> Iterator[Trick]:
    """The same pseudo-random mails in every run."""
    chance = random.Random("dlpmilter")
    for number in range(COUNT):
        encoding, table = chance.choice(((b"base64", BASE64), (b"quoted-printable", QUOTED_PRINTABLE)))
        names = [
            name for name in table if name not in ONLY_DECLARED and f"{encoding.decode()}/{name}" not in ONLY_UNDECLARED
        ]
        as_file = encoding == b"base64" and number % 3 == 0
        body_name = chance.choice(["honest", *names]) if not as_file else "honest"
        field_name, value_name = chance.choice(list(FIELD_FORMS)), chance.choice(list(ENCODING_FIELDS))
        type_name, delimiter_name = chance.choice(list(TYPE_FIELDS)), chance.choice(list(DELIMITERS))
        break_name, wrap_name = chance.choice(list(BREAKS)), chance.choice(list(WRAPS))
        secret = file_octets(20_000 + number) if as_file else sentence(20_000 + number).encode() + CRLF
        value = ENCODING_FIELDS[value_name].replace(b"%s", encoding)
        field = FIELD_FORMS[field_name].replace(b"%n", b"Content-Transfer-Encoding").replace(b"%v", value)
        part = (
            WRAPS[wrap_name]
            + b"Content-Type: text/plain"
            + CRLF
            + field
            + BREAKS[break_name]
            + table[body_name](secret)
        )
        before, behind = DELIMITERS[delimiter_name]
        body = b"--b0\r\n" + HARMLESS + before + part + behind
        raw = mail(b"Content-Type: " + TYPE_FIELDS[type_name], body=body)
        where = f"{type_name}+{delimiter_name}+{break_name}+{wrap_name}"
        label = f"{where}+{field_name}+{value_name}+{encoding.decode()}+{body_name}"
        if as_file:
            yield Trick("combinations", label, raw, octets=secret)
        else:
            yield Trick("combinations", label, raw, text=secret.decode().strip())
