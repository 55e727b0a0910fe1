# SPDX-License-Identifier: Apache-2.0
"""Whether a candidate is a credential or only talks of one. Never keeps it: the answer is a short digest.

Placeholders (`<token>`, `xxxx`, `your-key-here`, `AKIAIOSFODNN7EXAMPLE`) are no secrets.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Callable
from typing import Final

_PLACEHOLDER: Final = re.compile(
    r"(?i)example|beispiel|sample|dummy|place.?holder|platzhalter|your[_-]|my[_-]?(?:token|key|secret)|ihr[_-]?pass|"
    r"change.?me|redacted|geschwaerzt|not.?a.?real|fake|todo|insert|xxxx|\*{3}|\.{3}|\$\{|%\(|\{\{|<[a-z _-]+>"
)
_NO_PASSWORD: Final = frozenset(
    """
    required erforderlich reset zuruecksetzen vergessen forgotten forgot geaendert changed change aendern invalid "
    "ungueltig none null true false keine kein nein yes ja no policy richtlinie protected geschuetzt file login and
    und " "oder or is ist wurde was will wird for fuer the das die der ein eine a an to not nicht your ihr ihre dein
    my mein " "per separat separately folgt follows below unten above oben via getrennt telefon phone sms post brief
    letter email " "e-mail hash prompt field feld string str optional env getpass input text password passwort
    kennwort username user " "benutzer siehe see bekannt known same wie as from von in auf on at by with mit only
    nur if wenn please bitte
    """.split()
)
_VALUE: Final = re.compile(r"(?:[:=]\s*|(?:lautet|is|ist)[:]?\s+)[\"'`]?(\S+)", re.IGNORECASE)
_TRAILING: Final = "\"'`,;.)]}>"


def _digest(value: str) -> str:
    """Enough to count distinct secrets, of no use to whoever reads it."""
    return hashlib.blake2b(value.encode("utf-8", "replace"), digest_size=12).hexdigest()


def entropy(text: str) -> float:
    """Shannon entropy, bits per character."""
    counts = Counter(text).values()
    return -sum(each / len(text) * math.log2(each / len(text)) for each in counts) if text else 0.0


def token(text: str) -> str:
    """A token with a maker's prefix: varied characters behind it and no placeholder."""
    body = re.split(r"[=:\"'\s]", text)[-1] or text
    if _PLACEHOLDER.search(text) or re.search(r"(.)\1{7}", body):
        return ""
    tail = body[-24:]
    return _digest(body) if entropy(tail) > 2.2 else ""


def jwt(text: str) -> str:
    """Three parts, the first two JSON objects (RFC 7519 section 7.2)."""
    parts = text.split(".")
    if len(parts) < 2:
        return ""
    try:
        head = json.loads(base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return ""
    return _digest(text) if isinstance(head, dict) and ("alg" in head or "typ" in head or "enc" in head) else ""


def private_key(text: str) -> str:
    """A PEM, OpenSSH or PuTTY block with at least one line of its body."""
    lines = re.findall(r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/=]{40,}(?![A-Za-z0-9+/=])", text)
    body = next((each for each in lines if len(set(each)) > 12), "")
    return _digest(body) if body else ""


def password(text: str) -> str:
    """`Passwort: ...`: what stands behind is one word that looks chosen, not a word of the sentence."""
    found = _VALUE.search(text)
    value = found[1].strip(_TRAILING) if found else ""
    if len(value) < 4 or value.lower() in _NO_PASSWORD or _PLACEHOLDER.search(value):
        return ""
    if len(set(value)) < 3 or value.startswith(("<", "$", "%", "{", "[", "http://", "https://", "(", "//")):
        return ""
    kinds = sum(bool(re.search(kind, value)) for kind in ("[a-z]", "[A-Z]", r"\d", r"[^A-Za-z0-9]"))
    if kinds < 2 or (kinds == 2 and re.fullmatch(r"[A-Z]?[a-z]+[.,;:!?)-]*[a-z]*", value)):
        return ""
    return "" if re.search(r"[(]|[)]$|->|::|&&|==", value) else _digest(value)


def connection_string(text: str) -> str:
    """`scheme://user:password@host` or `Password=...;` beside `Server=`: the password is no placeholder."""
    found = re.search(r"://[^\s:/@]*:([^\s@]+)@", text) or re.search(
        r"(?i)(?:pwd|password|accountkey)=([^;\s\"']+)", text
    )
    value = found[1] if found else ""
    weak = value.lower() in {"password", "passwort", "pass", "pwd", "secret", "user", "test"}
    return "" if len(value) < 3 or weak or _PLACEHOLDER.search(value) or value[0] in "<${[%" else _digest(text)


def random_text(text: str) -> str:
    """A long value of mixed letters and digits that no language writes; only of use with a context word."""
    value = re.split(r"[=:\s]+[\"'`]?", text)[-1].strip(_TRAILING)
    if len(value) < 20 or _PLACEHOLDER.search(value) or not re.search(r"\d", value):
        return ""
    hexadecimal = re.fullmatch(r"[0-9a-fA-F]+", value) is not None
    return _digest(value) if entropy(value) >= (3.0 if hexadecimal else 3.6) else ""


SECRET_VALIDATORS: Final[dict[str, Callable[[str], str]]] = {
    "token": token,
    "jwt": jwt,
    "private-key": private_key,
    "password": password,
    "connection-string": connection_string,
    "random-text": random_text,
}
