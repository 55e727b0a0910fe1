# SPDX-License-Identifier: Apache-2.0
"""A real OpenLDAP server of our own on loopback: own folder, own port, own certificate, ended by its process id."""

from __future__ import annotations

import datetime as dt
import ipaddress
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SLAPD = shutil.which("slapd", path="/usr/sbin:/usr/local/sbin:/usr/bin") or ""
BASE = "dc=corp,dc=example"
READER = f"cn=reader,{BASE}"
PASSWORD = "let me read"
_SCHEMA = Path("/etc/ldap/schema")


def missing() -> str:
    """Why it cannot run here; "" when it can."""
    return "" if SLAPD and _SCHEMA.is_dir() else "slapd is not installed (apt-get install slapd ldap-utils)"


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


class Slapd:
    """One running server; `load` adds entries."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plain = f"ldap://127.0.0.1:{free_port()}"
        self.tls = f"ldaps://127.0.0.1:{free_port()}"
        self.ca_file = folder / "cert.pem"
        _certificate(folder)
        (folder / "db").mkdir()
        schemas = "\n".join(f"include {_SCHEMA}/{name}.schema" for name in ("core", "cosine", "inetorgperson"))
        (folder / "slapd.conf").write_text(
            f"{schemas}\npidfile {folder}/slapd.pid\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\n"
            f"TLSCertificateFile {folder}/cert.pem\nTLSCertificateKeyFile {folder}/key.pem\n"
            f"sizelimit size.soft=50 size.hard=50 size.pr=50 size.prtotal=unlimited\n"
            f'database mdb\nmaxsize 268435456\nsuffix "{BASE}"\nrootdn "cn=root,{BASE}"\n'
            f'directory {folder}/db\naccess to * by dn.exact="{READER}" read by anonymous auth\n',
            encoding="utf-8",
        )

    def load(self, people: list[dict[str, list[str]]], groups: dict[str, list[int]] | None = None) -> None:
        """Put people, and groups of them, into the database; only while the server does not run."""
        blocks = [f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Corp\ndc: corp\n"]
        reader = ("objectClass: organizationalRole", "objectClass: simpleSecurityObject", f"userPassword: {PASSWORD}")
        blocks.append("\n".join((f"dn: {READER}", "cn: reader", *reader)) + "\n")
        for number, person in enumerate(people):
            lines = [f"dn: uid=u{number},{BASE}", "objectClass: inetOrgPerson", f"uid: u{number}", "sn: x"]
            lines += [f"{name}: {value}" for name, values in person.items() for value in values]
            blocks.append("\n".join(lines) + "\n")
        for name, numbers in (groups or {}).items():
            members = "".join(f"member: uid=u{number},{BASE}\n" for number in numbers)
            blocks.append(f"dn: cn={name},{BASE}\nobjectClass: groupOfNames\ncn: {name}\n{members}")
        (self.folder / "people.ldif").write_text("\n".join(blocks), encoding="utf-8")
        shutil.rmtree(self.folder / "db")
        (self.folder / "db").mkdir()
        tool = [SLAPD, "-Ta", "-q", "-f", str(self.folder / "slapd.conf"), "-l", str(self.folder / "people.ldif")]
        subprocess.run(tool, check=True, capture_output=True)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve while the block runs."""
        command = [SLAPD, "-d", "0", "-f", str(self.folder / "slapd.conf"), "-h", f"{self.plain} {self.tls}"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            try:
                self._wait(process)
                yield
            finally:
                process.terminate()
                process.wait(20)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        for _ in range(300):
            if process.poll() is not None:
                raise RuntimeError(process.stderr.read().decode() if process.stderr else "slapd ended")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", int(self.tls.rpartition(":")[2]))) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError("slapd does not listen")
