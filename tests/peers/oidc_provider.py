# SPDX-License-Identifier: Apache-2.0
"""A real OpenID provider in Node, with one person who signs in by its own forms. Never needs the network at run time."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx2
import pytest

from tests.peers.processes import free_port

HERE = Path(__file__).parent / "oidc"
SECRET = "p+l%20us & a secret:of the test"
"""With the signs that differ between a form and Basic (RFC 6749 section 2.3.1)."""


def _installed() -> Path:
    """The provider's packages, installed once a machine; the test is skipped when they cannot be had."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed (Debian packages nodejs and npm)")
    name = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"dlpmilter-oidc-{name}"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:  # several test processes may come at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install(folder)
    return folder


def _install(folder: Path) -> None:
    if not (folder / "done").exists():
        for each in ("package.json", "package-lock.json"):
            shutil.copy(HERE / each, folder / each)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=200, check=False)
        if done.returncode != 0:
            pytest.skip(f"npm could not install oidc-provider: {done.stderr[-200:]}")
        (folder / "done").touch()
    shutil.copy(HERE / "provider.mjs", folder / "provider.mjs")


@contextmanager
def provider(redirect_uri: str, person: dict[str, Any]) -> Iterator[str]:
    """The issuer's address while it runs."""
    folder, port = _installed(), free_port()
    environment = {
        **os.environ,
        "PORT": str(port),
        "REDIRECT_URI": redirect_uri,
        "PERSON": json.dumps(person),
        "SECRET": SECRET,
    }
    process = subprocess.Popen(
        ["node", "provider.mjs"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        while (line := process.stdout.readline()) and "ready" not in line:
            pass
        assert line, "the provider did not start"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


async def sign_in(where: str, stop_at: str) -> str:
    """Follow the provider's pages as a person does, up to the address that leads back to us."""
    async with httpx2.AsyncClient(timeout=20) as browser:
        answer = await browser.get(where)
        for _ in range(20):
            if answer.is_redirect:
                where = urljoin(str(answer.url), answer.headers["location"])
                if where.startswith(stop_at):
                    return where
                answer = await browser.get(where)
                continue
            form = re.search(r'<form[^>]*action="([^"]+)"', answer.text)
            assert form is not None, answer.text[:500]
            prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
            fields = {"prompt": prompt[1] if prompt else "login", "login": "rita", "password": "x"}
            answer = await browser.post(urljoin(str(answer.url), form[1]), data=fields)
    raise AssertionError("the provider never sent us back")
