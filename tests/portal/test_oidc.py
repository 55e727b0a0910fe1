# SPDX-License-Identifier: Apache-2.0
"""Sign-in with the company's account: a real certified provider, and answers that are not what they claim."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from dlpmilter.portal.oidc import Provider, SignInFailed
from dlpmilter.portal.single import BACK, with_provider
from dlpmilter.settings import Granted, Oidc
from tests.peers.oidc_provider import SECRET, provider, sign_in
from tests.portal.house import URL, portal

RITA = {
    "email": "rita@company.example",
    "email_verified": True,
    "name": "Rita Rees",
    "groups": ["dlp-privacy", "staff"],
}
GROUPS = {"dlp-privacy": Granted(roles=("reviewer",), pools=("privacy",)), "dlp-dpo": Granted(roles=("dpo",))}


@pytest.mark.asyncio
async def test_a_person_signs_in_at_a_real_provider_and_is_what_the_groups_say(tmp_path: Path) -> None:
    """Off to the provider, its forms, back: a reviewer of the pool, on the page that was asked for; the code works once."""
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "secret").chmod(0o600)
    with provider(URL + BACK, RITA) as issuer:
        settings = Oidc(
            issuer=issuer, client_id="dlpmilter", client_secret_file=str(tmp_path / "secret"), groups=GROUPS
        )
        async with portal(tmp_path, portal={"oidc": settings}) as house:
            house.site = with_provider(house.site)
            case = (await house.rooms.hold()).case_id
            async with house.client() as client:
                assert "/sign-in/oidc?to=" in (await client.get("/sign-in")).text
                away = await client.get("/sign-in/oidc", params={"to": f"/queue/{case}"})
                assert away.headers["location"].startswith(issuer)
                back = await sign_in(away.headers["location"], URL)
                cookie = dict(client.cookies)
                arrived = await client.get(back.removeprefix(URL))
                assert arrived.headers["location"] == f"/queue/{case}", arrived.text
                assert case in (await client.get(f"/queue/{case}")).text
                assert (await client.get("/overview")).status_code == 403
            async with house.client(cookies=cookie) as thief:
                assert (await thief.get(back.removeprefix(URL))).status_code in {403, 503}
                assert (await thief.get("/queue")).status_code == 303
            async with house.client() as victim:  # an answer that somebody else's browser asked for
                assert (await victim.get(back.removeprefix(URL))).status_code == 403


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "person", [RITA | {"email": "rita@gmx.example"}, RITA | {"email_verified": False}, {"name": "Nobody"}]
)
async def test_who_is_not_of_the_company_is_not_signed_in(tmp_path: Path, person: dict[str, Any]) -> None:
    """A foreign, an unverified and a missing address: the same page, no session."""
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "secret").chmod(0o600)
    with provider(URL + BACK, person) as issuer:
        settings = Oidc(
            issuer=issuer, client_id="dlpmilter", client_secret_file=str(tmp_path / "secret"), groups=GROUPS
        )
        async with portal(tmp_path, portal={"oidc": settings}) as house:
            house.site = with_provider(house.site)
            async with house.client() as client:
                away = await client.get("/sign-in/oidc")
                back = await sign_in(away.headers["location"], URL)
                assert (await client.get(back.removeprefix(URL))).status_code == 403
                assert (await client.get("/my")).status_code == 303


KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
OTHER = RSAKey.generate_key(2048, {"kid": "two", "use": "sig"})


class _Lies:
    """A provider that answers whatever a test wants."""

    token = ""
    userinfo: dict[str, Any] = {}  # noqa: RUF012 - one test at a time
    issuer = ""


@contextmanager
def _liar() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers: dict[str, Any] = {
                "/.well-known/openid-configuration": {
                    "issuer": _Lies.issuer, "authorization_endpoint": f"{url}/auth", "token_endpoint": f"{url}/token",
                    "jwks_uri": f"{url}/keys", "userinfo_endpoint": f"{url}/me",
                },
                "/keys": {"keys": [KEY.as_dict(private=False)]},
                "/me": _Lies.userinfo,
            }  # fmt: skip
            self._say(answers.get(self.path, {}))

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self._say({"id_token": _Lies.token, "access_token": "t", "token_type": "Bearer"})

        def _say(self, answer: dict[str, Any]) -> None:
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    url = f"http://127.0.0.1:{server.server_port}"
    _Lies.issuer = url
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield url
    server.shutdown()
    thread.join()
    server.server_close()


def _claims(issuer: str, nonce: str, **more: Any) -> dict[str, Any]:
    now = int(time.time())
    return {"iss": issuer, "aud": "dlpmilter", "sub": "1", "iat": now, "exp": now + 60, "nonce": nonce, **RITA} | more


def _by_hand(header: dict[str, str], claims: dict[str, Any], secret: bytes) -> str:
    """A token that no library would make: without a signature, or with a public key as the secret of HS256."""
    parts = [base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=") for each in (header, claims)]
    signature = hmac.new(secret, b".".join(parts), hashlib.sha256).digest() if secret else b""
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("genuine", ""), ("wrong nonce", "token"), ("wrong audience", "token"), ("other client", "token"),
        ("wrong issuer", "token"), ("expired", "token"), ("no expiry", "token"), ("foreign key", "token"),
        ("unknown key", "token"), ("alg none", "token"), ("alg HS256 with the public key", "token"), ("garbage", "token"),
        ("other person in userinfo", "token"), ("wrong state", "state"), ("forged cookie", "state"), ("old cookie", "state"),
        ("mixed up provider", "state"), ("error", "denied"),
    ],
)  # fmt: skip
async def test_only_a_genuine_answer_signs_in(name: str, slug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each lie alone is enough to be refused; the same answer without it is taken."""
    with _liar() as url:
        settings = Oidc(issuer=url, client_id="dlpmilter", groups=GROUPS)
        asked = Provider(settings, URL + BACK, b"k" * 32)
        where, cookie = await asked.begin("/queue")
        query = {each: value[0] for each, value in parse_qs(urlsplit(where).query).items()}
        assert query["code_challenge_method"] == "S256"
        claims = _claims(url, query["nonce"])
        changed: dict[str, dict[str, Any]] = {
            "wrong nonce": {"nonce": "x"}, "wrong audience": {"aud": "another"}, "expired": {"exp": int(time.time()) - 600},
            "other client": {"aud": ["dlpmilter", "another"], "azp": "another"}, "wrong issuer": {"iss": "https://evil.example"},
        }  # fmt: skip
        claims |= changed.get(name, {})
        if name == "no expiry":
            del claims["exp"]
        if name == "other person in userinfo":
            del claims["email"]
            _Lies.userinfo = {"sub": "2", "email": "boss@company.example"}
        header = {"alg": "RS256", "kid": "two" if name == "unknown key" else "one"}
        _Lies.token = jwt.encode(header, claims, OTHER if name in {"foreign key", "unknown key"} else KEY)
        if name == "alg none":
            _Lies.token = _by_hand({"alg": "none", "kid": "one"}, claims, b"")
        if name == "alg HS256 with the public key":
            _Lies.token = _by_hand({"alg": "HS256", "kid": "one"}, claims, KEY.as_pem(private=False))
        if name == "garbage":
            _Lies.token = "a.b.c"
        answer = {"code": "c", "state": "x" if name == "wrong state" else query["state"]}
        if name == "error":
            answer = {"error": "access_denied", "state": query["state"]}
        if name == "mixed up provider":
            answer["iss"] = "https://evil.example"
        if name == "forged cookie":
            cookie = cookie[:-1] + ("0" if cookie[-1] != "0" else "1")
        if name == "old cookie":
            later = time.time() + 601
            monkeypatch.setattr(time, "time", lambda: later)
        if not slug:
            found = await asked.finish(answer, cookie)
            assert (found.address, found.roles, found.pools, found.back_to) == (
                "rita@company.example", ("reviewer",), ("privacy",), "/queue"
            )  # fmt: skip
            return
        with pytest.raises(SignInFailed) as refused:
            await asked.finish(answer, cookie)
        assert refused.value.slug == slug


@pytest.mark.asyncio
async def test_a_provider_that_is_down_or_somebody_else_signs_nobody_in() -> None:
    """No answer, an issuer that names itself otherwise, an answer that is no object: `provider`."""
    with _liar() as url:
        _Lies.issuer = "https://evil.example"
        with pytest.raises(SignInFailed, match="somebody else"):
            await Provider(Oidc(issuer=url, client_id="x"), URL + BACK, b"k" * 32).begin("/")
    with pytest.raises(SignInFailed, match="does not answer"):
        await Provider(Oidc(issuer=url, client_id="x"), URL + BACK, b"k" * 32).begin("/")
