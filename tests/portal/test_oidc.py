# SPDX-License-Identifier: Apache-2.0
"""Sign-in with the company's account: a real certified provider, and answers that are not what they claim."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from joserfc import jwt
from joserfc.jwk import RSAKey

from dlpmilter.holds.notify import internal
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
    with provider(URL + BACK, RITA) as issuer:
        settings = Oidc(issuer=issuer, client_id="dlpmilter", client_secret_file=_secret_file(tmp_path), groups=GROUPS)
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
                assert (await thief.get(back.removeprefix(URL))).status_code == 403  # the code was used
                assert (await thief.get("/queue")).status_code == 303
            async with house.client() as victim:  # an answer that somebody else's browser asked for
                assert (await victim.get(back.removeprefix(URL))).status_code == 403


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "person", [RITA | {"email": "rita@gmx.example"}, RITA | {"email_verified": False}, {"name": "Nobody"}]
)
async def test_who_is_not_of_the_company_is_not_signed_in(tmp_path: Path, person: dict[str, Any]) -> None:
    """A foreign, an unverified and a missing address: the same page, no session."""
    with provider(URL + BACK, person) as issuer:
        settings = Oidc(issuer=issuer, client_id="dlpmilter", client_secret_file=_secret_file(tmp_path), groups=GROUPS)
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
    more_keys: list[Any] = []  # noqa: RUF012 - as above
    refusal: tuple[int, str] | None = None
    metadata: dict[str, Any] = {}  # noqa: RUF012 - as above
    slow_keys: threading.Event | None = None
    padding = 0
    posted = ""
    authorization = ""


@contextmanager
def _liar() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers: dict[str, Any] = {
                "/.well-known/openid-configuration": {
                    "issuer": _Lies.issuer, "authorization_endpoint": f"{url}/auth", "token_endpoint": f"{url}/token",
                    "jwks_uri": f"{url}/keys", "userinfo_endpoint": f"{url}/me", **_Lies.metadata,
                },
                "/keys": {"keys": [*_Lies.more_keys, KEY.as_dict(private=False)]},
                "/me": _Lies.userinfo,
            }  # fmt: skip
            if self.path == "/keys" and _Lies.slow_keys is not None:
                _Lies.slow_keys.wait(30)
            self._say(answers.get(self.path, {}))

        def do_POST(self) -> None:
            _Lies.posted = self.rfile.read(int(self.headers["content-length"])).decode()
            _Lies.authorization = self.headers.get("authorization", "")
            if _Lies.refusal is not None:
                self._say({"error": _Lies.refusal[1]}, _Lies.refusal[0])
                return
            self._say({"id_token": _Lies.token, "access_token": "t", "token_type": "Bearer"})

        def _say(self, answer: dict[str, Any], status: int = 200) -> None:
            body = json.dumps(answer).encode() + b" " * _Lies.padding
            self.send_response(status)
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


def _secret_file(folder: Path) -> str:
    (folder / "secret").write_text(SECRET)
    (folder / "secret").chmod(0o600)
    return str(folder / "secret")


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


async def _finished(token_of: Any, **changed: Any) -> Any:
    """One sign-in at the liar, with a token made from its claims."""
    with _liar() as url:
        asked = Provider(Oidc(issuer=url, client_id="dlpmilter", groups=GROUPS), URL + BACK, b"k" * 32)
        where, cookie = await asked.begin("/")
        query = {each: value[0] for each, value in parse_qs(urlsplit(where).query).items()}
        _Lies.token = token_of(_claims(url, query["nonce"], **changed))
        return await asked.finish({"code": "c", "state": query["state"]}, cookie)


def _signed(claims: dict[str, Any], key: Any = KEY, kid: str = "one") -> str:
    return jwt.encode({"alg": "RS256", "kid": kid}, claims, key)


@pytest.mark.asyncio
async def test_a_key_nobody_can_use_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown curve, a key without its exponent, one for encryption, nonsense: the good key signs in all the same."""
    strange = [
        {"kty": "EC", "crv": "brainpoolP256r1", "x": "AA", "y": "AA", "kid": "b"}, {"kty": "RSA", "n": "AQAB", "kid": "r"},
        {"kty": "RSA", "use": "enc", "n": "AQAB", "e": "AQAB"}, {"kty": "oct", "k": "AAAA", "kid": "one"}, "text", 5,
    ]  # fmt: skip
    monkeypatch.setattr(_Lies, "more_keys", strange)
    assert (await _finished(_signed)).address == "rita@company.example"


@pytest.mark.asyncio
async def test_a_short_key_signs_nobody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """RSA under 2048 bits counts as no key."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library warns of such a key, and that is all it does
        short = RSAKey.generate_key(1024, {"kid": "short"})
        monkeypatch.setattr(_Lies, "more_keys", [short.as_dict(private=False)])
        with pytest.raises(SignInFailed) as refused:
            await _finished(lambda claims: _signed(claims, short, "short"))
    assert refused.value.slug == "token"


async def _outcome(email: Any) -> str:
    """What becomes of somebody with this address."""
    try:
        found = await _finished(_signed, email=email)
    except SignInFailed as refused:
        return refused.slug
    return "signed in" if internal(found.address, ("company.example",)) else "not of the company"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "email", ["rita@company.example\n", "a@gmx.example@company.example", "rita", "@company.example", 5]
)
async def test_what_is_no_address_is_nobody(email: Any) -> None:
    """A line end, two signs, none, no name, no text: `address`, or nobody of the company."""
    assert await _outcome(email) in {"address", "not of the company"}


@pytest.mark.asyncio
async def test_flags_as_text_and_a_single_group_are_understood() -> None:
    """email_verified "true" is true, "false" and 1 are not; one group needs no list."""
    assert (await _finished(_signed, email_verified="true", groups="dlp-dpo")).roles == ("dpo",)
    for value in ("false", 0, 1, "", None):
        with pytest.raises(SignInFailed):
            await _finished(_signed, email_verified=value)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("status", "error", "slug"),
    [
        (400, "invalid_grant", "token"),
        (401, "invalid_client", "client"),
        (400, "x", "provider"),
        (500, "x", "provider"),
    ],
)
async def test_a_used_code_is_no_outage_and_a_wrong_secret_is_ours(
    status: int, error: str, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log tells them apart: who has to do something differs."""
    monkeypatch.setattr(_Lies, "refusal", (status, error))
    with pytest.raises(SignInFailed) as refused:
        await _finished(_signed)
    assert refused.value.slug == slug


@pytest.mark.asyncio
@pytest.mark.parametrize("cookie", ["", ".", "abc.\xe9", "\udcff.x", "x" * 5000, "e30=.00"])
async def test_a_cookie_of_nonsense_is_another_sign_in(cookie: str) -> None:
    """Letters outside ASCII, halves of letters, nothing: the same refusal, no error."""
    with pytest.raises(SignInFailed) as refused:
        await Provider(Oidc(issuer="http://127.0.0.1:9", client_id="x"), "y", b"k" * 32).finish({"state": "s"}, cookie)
    assert refused.value.slug == "state"


@pytest.mark.asyncio
async def test_an_answer_that_never_ends_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a megabyte is read, no more."""
    monkeypatch.setattr(_Lies, "padding", 5_000_000)
    with _liar() as url, pytest.raises(SignInFailed, match="too long"):
        await Provider(Oidc(issuer=url, client_id="x"), URL + BACK, b"k" * 32).begin("/")


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"])
async def test_a_provider_with_tls_names_no_address_without_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret or a token would cross the network readable, and keys could be changed on the way."""
    asked = Provider(Oidc(issuer="https://id.example", client_id="x"), URL + BACK, b"k" * 32)
    places = {each: f"https://id.example/{each}" for each in ("authorization_endpoint", "token_endpoint", "jwks_uri")}

    async def described(*_: Any, **__: Any) -> dict[str, Any]:
        return {"issuer": "https://id.example", **places, name: "http://id.example/x"}

    monkeypatch.setattr(Provider, "_ask", described)
    with pytest.raises(SignInFailed, match=f"{name} is not https"):
        await asked.begin("/")


@pytest.mark.asyncio
async def test_the_secret_travels_as_the_provider_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Basic where it is offered, else in the form; never in both."""
    for ways, in_form in ((["client_secret_post"], True), (["client_secret_basic", "client_secret_post"], False)):
        monkeypatch.setattr(_Lies, "metadata", {"token_endpoint_auth_methods_supported": ways})
        with _liar() as url:
            asked = Provider(Oidc(issuer=url, client_id="dlpmilter", groups=GROUPS), URL + BACK, b"k" * 32, SECRET)
            where, cookie = await asked.begin("/")
            query = {each: value[0] for each, value in parse_qs(urlsplit(where).query).items()}
            _Lies.token = _signed(_claims(url, query["nonce"]))
            await asked.finish({"code": "c", "state": query["state"]}, cookie)
        assert ("client_secret" in parse_qs(_Lies.posted), bool(_Lies.authorization)) == (in_form, not in_form)


@pytest.mark.asyncio
async def test_slow_keys_stop_nobody_whose_key_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """While an unknown key is asked for, others sign in."""
    with _liar() as url:
        asked = Provider(Oidc(issuer=url, client_id="dlpmilter", groups=GROUPS), URL + BACK, b"k" * 32)

        async def arrive(key: Any, kid: str) -> Any:
            where, cookie = await asked.begin("/")
            query = {each: value[0] for each, value in parse_qs(urlsplit(where).query).items()}
            _Lies.token = _signed(_claims(url, query["nonce"]), key, kid)
            return await asked.finish({"code": "c", "state": query["state"]}, cookie)

        await arrive(KEY, "one")
        asked._cache.keys_at -= 120
        slow = threading.Event()
        monkeypatch.setattr(_Lies, "slow_keys", slow)
        stranger = asyncio.create_task(arrive(OTHER, "two"))
        await asyncio.sleep(0.5)
        assert (await asyncio.wait_for(arrive(KEY, "one"), 5)).address == "rita@company.example"
        assert not stranger.done()
        slow.set()
        with pytest.raises(SignInFailed):
            await stranger


@pytest.mark.asyncio
async def test_unknown_members_of_a_header_are_passed_over_unless_critical() -> None:
    """RFC 7515 sections 4 and 4.1.11."""

    def token(header: dict[str, Any]) -> Any:
        def made(claims: dict[str, Any]) -> str:
            parts = [{"alg": "RS256", "kid": "one", **header}, claims]
            said = b".".join(base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=") for each in parts)
            assert KEY.private_key is not None
            signature = KEY.private_key.sign(said, padding.PKCS1v15(), hashes.SHA256())
            return (said + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()

        return made

    assert (await _finished(token({"house": 1}))).address == "rita@company.example"
    with pytest.raises(SignInFailed):
        await _finished(token({"house": 1, "crit": ["house"]}))
