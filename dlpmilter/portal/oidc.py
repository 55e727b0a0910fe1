# SPDX-License-Identifier: Apache-2.0
"""Sign-in with the company's own account: OpenID Connect Core 1.0, authorization code with PKCE (RFC 7636).

State, nonce and verifier travel in a signed cookie of ten minutes, so that an answer counts only in the browser that
asked. Never trusts an algorithm, issuer or audience that a token names by itself, and never keeps a token.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx2
from joserfc import jwk, jws, jwt
from joserfc.errors import JoseError

from dlpmilter.facts.people_csv import normal_address
from dlpmilter.model.address import AddressError

if TYPE_CHECKING:
    from dlpmilter.settings import Oidc

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")  # RFC 9864 gives EdDSA its new name
COOKIE_SECONDS = 600
LEEWAY_SECONDS = 60
KEYS_SECONDS = 60.0
"""Unknown keys are asked for at most this often."""
DISCOVERY_SECONDS = 3600.0
TIMEOUT_SECONDS = 10.0
TOTAL_SECONDS = 15.0
"""For one answer as a whole, however slowly it comes."""
ANSWER_OCTETS = 512 * 1024
LEAST_RSA_BITS = 2048
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
_REGISTRY = jws.JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
"""Header members that nobody here knows are passed over (RFC 7515 section 4), unless `crit` names them."""
_DISCOVERY = "/.well-known/openid-configuration"


class SignInFailed(Exception):
    """Nobody is signed in; `slug` says why: denied, state, provider, client, token, address."""

    def __init__(self, slug: str, text: str) -> None:
        super().__init__(text)
        self.slug = slug


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the provider says it is, with what the groups grant."""

    address: str
    name: str
    roles: tuple[str, ...]
    pools: tuple[str, ...]
    back_to: str


@dataclass(slots=True)
class _Cache:
    """What the provider told us, and when."""

    metadata: dict[str, Any] = field(default_factory=dict)
    metadata_at: float = 0.0
    keys: dict[str, Any] = field(default_factory=dict)
    keys_at: float = 0.0


class Provider:
    """One OpenID provider. `secret` signs our cookie; `client_secret` is "" for a public client."""

    def __init__(self, settings: Oidc, redirect_uri: str, secret: bytes, client_secret: str = "") -> None:
        self._settings = settings
        self._redirect_uri = redirect_uri
        self._secret = secret
        self._client_secret = client_secret
        self._cache = _Cache()
        self._describing = asyncio.Lock()
        self._fetching = asyncio.Lock()

    async def begin(self, back_to: str) -> tuple[str, str]:
        """Where the browser goes, and the cookie it takes along. Raises SignInFailed."""
        metadata = await self._metadata()
        said = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
        challenge = base64.urlsafe_b64encode(hashlib.sha256(said["verifier"].encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": " ".join(self._settings.scopes),
            "state": said["state"],
            "nonce": said["nonce"],
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        where = str(metadata["authorization_endpoint"])
        cookie = self._sealed(said | {"back": back_to, "until": int(time.time()) + COOKIE_SECONDS})
        return f"{where}{'&' if urlsplit(where).query else '?'}{urlencode(asked)}", cookie

    async def finish(self, query: Mapping[str, str], cookie: str) -> Identity:
        """The person behind the provider's answer. Raises SignInFailed."""
        said = self._opened(cookie)
        if not hmac.compare_digest(query.get("state", "").encode(), str(said["state"]).encode()):
            raise SignInFailed("state", "this answer belongs to another sign-in")
        if "error" in query or not query.get("code"):
            raise SignInFailed("denied", "the provider signed nobody in")
        metadata = await self._metadata()
        if query.get("iss", self._settings.issuer) != self._settings.issuer:  # RFC 9207: mix-up of providers
            raise SignInFailed("state", "this answer comes from another provider")
        tokens = await self._tokens(metadata, query["code"], str(said["verifier"]))
        claims = await self._claims(metadata, str(tokens.get("id_token", "")), str(said["nonce"]))
        if "email" not in claims or self._settings.groups_claim not in claims:
            claims = await self._more(metadata, str(tokens.get("access_token", "")), claims)
        return self._identity(claims, str(said["back"]))

    def _identity(self, claims: Mapping[str, Any], back_to: str) -> Identity:
        address = claims.get("email")
        verified = claims.get("email_verified", True)
        if not isinstance(address, str) or address != address.strip() or (verified is not True and verified != "true"):
            raise SignInFailed("address", "the provider names no verified mail address")
        try:
            normal = normal_address(address)
        except AddressError:
            raise SignInFailed("address", "what the provider names is no mail address") from None
        said = claims.get(self._settings.groups_claim)
        groups = {each for each in (said if isinstance(said, list) else [said]) if isinstance(each, str)}
        granted = [granted for name, granted in self._settings.groups.items() if name in groups]
        return Identity(
            normal, str(claims.get("name", ""))[:120],
            tuple(sorted({role for each in granted for role in each.roles})),
            tuple(sorted({pool for each in granted for pool in each.pools})), back_to,
        )  # fmt: skip

    async def _tokens(self, metadata: Mapping[str, Any], code: str, verifier: str) -> dict[str, Any]:
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": self._redirect_uri,
                  "code_verifier": verifier}  # fmt: skip
        auth = None
        ways = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if self._client_secret and ("client_secret_basic" in ways or "client_secret_post" not in ways):
            # RFC 6749 section 2.3.1: both are form-encoded before they become Basic
            auth = (quote_plus(self._settings.client_id), quote_plus(self._client_secret))
        elif self._client_secret:
            fields |= {"client_id": self._settings.client_id, "client_secret": self._client_secret}
        else:
            fields["client_id"] = self._settings.client_id
        return await self._ask("POST", str(metadata["token_endpoint"]), data=fields, auth=auth)

    async def _claims(self, metadata: Mapping[str, Any], token: str, nonce: str) -> dict[str, Any]:
        """The ID token, verified (OpenID Connect Core 3.1.3.7)."""
        for fresh in (False, True):
            try:
                keys = _usable(await self._keys(metadata, fresh=fresh))
                claims = dict(jwt.decode(token, keys, registry=_REGISTRY).claims)
                break
            except (JoseError, ValueError, KeyError, TypeError) as error:
                if fresh:
                    raise SignInFailed("token", f"the ID token is not genuine ({type(error).__name__})") from None
        else:  # the loop leaves by break or raise
            raise SignInFailed("token", "the ID token is not genuine")
        wanted = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS, iss={"essential": True, "value": self._settings.issuer},
            aud={"essential": True, "value": self._settings.client_id}, exp={"essential": True},
            iat={"essential": True}, sub={"essential": True}, nonce={"essential": True, "value": nonce},
        )  # fmt: skip
        try:
            wanted.validate(claims)
        except JoseError as error:
            raise SignInFailed("token", f"the ID token does not fit ({type(error).__name__})") from None
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else self._settings.client_id) != self._settings.client_id:
            raise SignInFailed("token", "the ID token is for another client")
        return claims

    async def _more(self, metadata: Mapping[str, Any], token: str, claims: dict[str, Any]) -> dict[str, Any]:
        """What the userinfo endpoint adds, when it speaks of the same person (OpenID Connect Core 5.3.2)."""
        if not token or "userinfo_endpoint" not in metadata:
            return claims
        headers = {"Authorization": f"Bearer {token}"}
        found = await self._ask("GET", str(metadata["userinfo_endpoint"]), headers=headers)
        if found.get("sub") != claims["sub"]:
            raise SignInFailed("token", "userinfo speaks of somebody else")
        return found | claims

    async def _metadata(self) -> dict[str, Any]:
        cache = self._cache
        async with self._describing:
            if not cache.metadata or time.monotonic() - cache.metadata_at > DISCOVERY_SECONDS:
                found = await self._ask("GET", self._settings.issuer.rstrip("/") + _DISCOVERY)
                missing = [each for each in _ENDPOINTS[:3] if not isinstance(found.get(each), str)]
                if found.get("issuer") != self._settings.issuer or missing:
                    raise SignInFailed("provider", "the provider describes itself as somebody else")
                for each in _ENDPOINTS:
                    if each in found and urlsplit(str(found[each])).scheme not in self._schemes:
                        raise SignInFailed("provider", f"the provider's {each} is not https")
                cache.metadata, cache.metadata_at = found, time.monotonic()
            return cache.metadata

    @property
    def _schemes(self) -> frozenset[str]:
        """An issuer without TLS is one on this host (settings.py); no other may name addresses without it."""
        return frozenset({"https", urlsplit(self._settings.issuer).scheme})

    async def _keys(self, metadata: Mapping[str, Any], *, fresh: bool) -> dict[str, Any]:
        """The provider's keys; while they are fetched anew, sign-ins with known keys do not wait."""
        cache, longest = self._cache, KEYS_SECONDS if fresh else DISCOVERY_SECONDS
        if cache.keys and time.monotonic() - cache.keys_at <= longest:
            return cache.keys
        async with self._fetching:
            if not cache.keys or time.monotonic() - cache.keys_at > longest:
                cache.keys_at = (
                    time.monotonic()
                )  # also when it fails: an endpoint in trouble is not asked again at once
                cache.keys = await self._ask("GET", str(metadata["jwks_uri"]))
            return cache.keys

    async def _ask(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        """One question to the provider, answered as a JSON object. Raises SignInFailed."""
        given = {name: each for name, each in more.items() if each is not None}
        given["headers"] = {"Accept-Encoding": "identity", **given.get("headers", {})}  # what is packed may be a bomb
        try:
            async with (
                asyncio.timeout(TOTAL_SECONDS),
                httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, follow_redirects=False) as client,
                client.stream(method, url, **given) as answer,
            ):
                body = bytearray()
                async for block in answer.aiter_raw():
                    body += block
                    if len(body) > ANSWER_OCTETS:
                        raise SignInFailed("provider", "the provider's answer is too long")
            found = json.loads(body) if answer.status_code == 200 else None
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, ValueError, RecursionError) as error:
            raise SignInFailed("provider", f"the provider does not answer ({type(error).__name__})") from None
        if answer.status_code != 200:
            raise _refused(answer.status_code, bytes(body))
        if not isinstance(found, dict):
            raise SignInFailed("provider", "the provider's answer is no object")
        return found

    def _sealed(self, said: Mapping[str, Any]) -> str:
        data = base64.urlsafe_b64encode(json.dumps(said).encode())
        return f"{data.decode()}.{hmac.new(self._secret, data, hashlib.sha256).hexdigest()}"

    def _opened(self, cookie: str) -> dict[str, Any]:
        data, _, signature = cookie.partition(".")
        right = hmac.new(self._secret, data.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(right.encode(), signature.encode("utf-8", "surrogatepass")):
            raise SignInFailed("state", "this browser did not ask to sign in")
        said: dict[str, Any] = json.loads(base64.urlsafe_b64decode(data))
        if said["until"] < time.time():
            raise SignInFailed("state", "signing in took too long")
        return said


def _usable(found: Mapping[str, Any]) -> jwk.KeySet:
    """The provider's keys that can sign; one that we do not know, or that is too short, stops no other."""
    keys: list[Any] = []
    for each in found.get("keys", ()):
        if not isinstance(each, dict) or each.get("kty") not in {"RSA", "EC", "OKP"} or each.get("use", "sig") != "sig":
            continue
        try:
            key = jwk.import_key(each)
        except (JoseError, ValueError, KeyError, TypeError):
            continue
        if not isinstance(key, jwk.RSAKey) or key.public_key.key_size >= LEAST_RSA_BITS:
            keys.append(key)
    return jwk.KeySet(keys)


def _refused(status: int, body: bytes) -> SignInFailed:
    """Why the provider said no: a code that was used, our own credentials, or trouble of its own (RFC 6749 5.2)."""
    try:
        slug = {"invalid_grant": "token", "invalid_client": "client"}.get(json.loads(body).get("error"), "provider")
    except (ValueError, AttributeError, RecursionError, TypeError):
        slug = "provider"
    return SignInFailed(slug, f"the provider answered {status}")
