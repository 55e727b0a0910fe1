# SPDX-License-Identifier: Apache-2.0
"""A raw SMTP client on a blocking socket: sends exactly the octets it is told to, reads whole replies.

Never adds a line end, never stuffs a dot, never retries: for tests about what is on the wire.
"""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable


class Gone(ConnectionError):
    """The server closed the connection where a reply was due."""


class Wire:
    """One connection: `with Wire(port) as wire: code, text = wire.ask(b"EHLO x")`."""

    def __init__(self, port: int, *, source: str = "127.0.0.1", seconds: float = 20.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds, source_address=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up without a word."""
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Exactly these octets."""
        self.socket.sendall(data)

    def send_parts(self, parts: Iterable[bytes], pause: float = 0.003) -> None:
        """Each part in a TCP segment of its own."""
        for part in parts:
            self.socket.sendall(part)
            time.sleep(pause)

    def line(self) -> bytes:
        """One line of a reply, without its line end. Raises Gone at the end of the connection."""
        while b"\n" not in self._buffer:
            try:
                block = self.socket.recv(65536)
            except ConnectionResetError:
                block = b""
            if not block:
                raise Gone(f"the server closed the connection, the last octets were {self._buffer!r}")
            self._buffer += block
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r")

    def reply(self) -> tuple[int, str]:
        """One whole reply: code and text, lines joined by a line feed."""
        lines = [self.line()]
        while lines[-1][3:4] == b"-":
            lines.append(self.line())
        return int(lines[0][:3]), "\n".join(each[4:].decode("utf-8", "replace") for each in lines)

    def ask(self, line: bytes) -> tuple[int, str]:
        """Send one command line and read its reply."""
        self.send(line + b"\r\n")
        return self.reply()

    def greet(self, name: bytes = b"client.corp.example") -> str:
        """Read the banner, say EHLO; returns the text of the reply. Raises Gone unless both are 2xx."""
        code, text = self.reply()
        if code != 220:
            raise Gone(f"the banner was {code} {text}")
        code, text = self.ask(b"EHLO " + name)
        if code != 250:
            raise Gone(f"EHLO was answered {code} {text}")
        return text

    def envelope(self, sender: bytes, *recipients: bytes) -> list[tuple[int, str]]:
        """MAIL and each RCPT, one after the other; all replies."""
        replies = [self.ask(b"MAIL FROM:<%s>" % sender)]
        return replies + [self.ask(b"RCPT TO:<%s>" % each) for each in recipients]

    def data(self, stuffed: bytes) -> tuple[int, str]:
        """DATA, the octets as they are (dots are the caller's), the final dot; the last reply."""
        code, text = self.ask(b"DATA")
        if code != 354:
            return code, text
        self.send(stuffed + b".\r\n")
        return self.reply()

    def mail(self, sender: bytes, recipient: bytes, mail: bytes) -> tuple[int, str]:
        """One whole mail to one recipient, dots stuffed; the last reply."""
        self.envelope(sender, recipient)
        return self.data(stuffed(mail))

    def closed(self) -> bool:
        """Whether the server hangs up without saying more."""
        try:
            self.line()
        except Gone:
            return True
        return False

    def start_tls(self, context: ssl.SSLContext, *, injected: bytes = b"") -> None:
        """STARTTLS, with `injected` plain text in the same segment, and the handshake."""
        self.send(b"STARTTLS\r\n" + injected)
        code, text = self.reply()
        if code != 220:
            raise Gone(f"STARTTLS was answered {code} {text}")
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")


def stuffed(data: bytes) -> bytes:
    """Dot-stuffed octets (RFC 5321 section 4.5.2) that end in CRLF."""
    wire = (b"\r\n" + data).replace(b"\r\n.", b"\r\n..")[2:]
    return wire if wire.endswith(b"\r\n") or not wire else wire + b"\r\n"
