# SPDX-License-Identifier: Apache-2.0
"""The same acts for programs, as JSON: one table of operations, from which the OpenAPI description is made.

A key belongs to the account of a person and can do what that person can; it is never a way around the second factor
for pages. Never shows more than the command line does.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

import dlpmilter
from dlpmilter.holds.requests import FIELDS
from dlpmilter.portal import accounts, sessions
from dlpmilter.portal.person import Person, roles_of
from dlpmilter.portal.site import site_of
from dlpmilter.storage import account_rows

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from sqlalchemy import Connection
    from starlette.requests import Request
    from starlette.responses import Response

    from dlpmilter.storage.account_rows import Account

ROOT = "/api/v1"
DESCRIPTION = "/api/openapi.json"


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing a program may ask for."""

    method: str
    path: str
    act: str
    summary: str

    @property
    def names(self) -> tuple[str, ...]:
        """The fields that stand in the path."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))


def _of_case(act: str, summary: str, name: str = "") -> Operation:
    return Operation("POST", f"/cases/{{case}}/{name or act}", act, summary)


OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/cases", "list", "Cases this person may see; ?all=true for closed ones too."),
    Operation("GET", "/cases/{case}", "show", "One case with its trail, as far as this person may see it."),
    _of_case("state", "Say why the mail should go: the whole form.", "justify"),
    _of_case("withdraw", "Take the mail back."),
    _of_case("to-mailbox", "Send it to the sender's own business mailbox instead."),
    _of_case("extend", "More time, once."),
    _of_case("attest", "Say that the released mail is deleted where it went."),
    _of_case("undo", "Take back what was asked for by mail."),
    _of_case("seal", "Keep it as evidence; it is never sent."),
    _of_case("ask-open", "Ask to open sealed evidence together."),
    _of_case("grant-open", "The office agrees; both keys count for a day."),
    _of_case("renew", "Keep sealed evidence as long again."),
    _of_case("appeal", "Ask for a second look at a refusal, once."),
    _of_case("claim", "Take a case."),
    _of_case("hand-over", "Give a case on."),
    _of_case("approve", "One approval; the last one that is wanted queues the release."),
    _of_case("reject", "Refuse, with a sentence the sender reads."),
    _of_case("release", "Try a failed release again; approves nothing."),
    Operation("POST", "/decisions/approve", "approve-all", "Approve up to 500 cases, each with its own record."),
    Operation("POST", "/decisions/reject", "reject-all", "Refuse up to 500 cases, each with its own record."),
    Operation(
        "POST", "/decisions/unshunt", "unshunt", "Judge again where the judge had broken; [] is every such case."
    ),
    *(
        each
        for kind in ("agreements", "exemptions")
        for each in (
            Operation("GET", f"/{kind}", f"{kind}-list", f"The {kind}; ?all=true for ended ones too."),
            Operation("GET", f"/{kind}/{{id}}", f"{kind}-show", "One of them with its trail."),
            Operation("POST", f"/{kind}", f"{kind}-propose", "Propose one; a second person has to sign."),
            Operation("POST", f"/{kind}/{{id}}/sign", f"{kind}-sign", "Sign a proposal."),
            Operation("POST", f"/{kind}/{{id}}/revoke", f"{kind}-revoke", "End it, or refuse the proposal."),
        )
    ),
)
_STATUS = {
    "conflict": 409,
    "usage": 400,
    "temporary": 503,
    "no-such-case": 404,
    "no-such-consent": 404,
    "not-yours": 404,
}
_TYPES = {str: {"type": "string"}, bool: {"type": "boolean"}, int: {"type": "integer"},
          list: {"type": "array", "items": {"type": "string"}}, dict: {"type": "object"}}  # fmt: skip


def endpoint(operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    """The handler of one operation."""

    async def answer(request: Request) -> Response:
        client = request.client.host if request.client else ""
        if site_of(request).throttle.over("api", client, most=600, seconds=60):
            problem = {
                "ok": False,
                "reason": "too-often",
                "error": "More than 600 requests in a minute; wait a little.",
            }
            return JSONResponse(problem, 429, {"Retry-After": "60"})
        person = await _person(request)
        if person is None:
            problem = {"ok": False, "reason": "no-key", "error": "Send a valid key: Authorization: Bearer KEY."}
            return JSONResponse(problem, 401, {"WWW-Authenticate": "Bearer"})
        try:
            fields = await _fields(request, operation)
        except ValueError as error:
            return JSONResponse({"ok": False, "reason": "usage", "error": str(error)}, 400)
        found = dict(await site_of(request).ask(person, operation.act, **fields))
        status = 200 if found.pop("ok") else _STATUS.get(found["reason"], 403)
        found.pop("exit", None)
        return JSONResponse({"ok": status == 200, **found}, status)

    return answer


async def _person(request: Request) -> Person | None:
    """Whose key it is; None without one, and when account or key ended."""
    site = site_of(request)
    kind, _, key = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not key or len(key) > 200:
        return None
    name, now = sessions.hashed(key.strip()), site.clock()

    def look(conn: Connection) -> Account | None:
        found = account_rows.ticket(conn, name, accounts.KEY)
        one = account_rows.account(conn, found.address) if found and found.expires_at > now else None
        return one if one is not None and one.enabled else None

    one = await site.database.read(look)
    if one is None:
        return None
    return Person(one.address, one.name, roles_of(one.roles), frozenset(one.pools), "key")


async def _fields(request: Request, operation: Operation) -> Mapping[str, Any]:
    """What the act needs, from path, query and body. Raises ValueError."""
    fields: dict[str, Any] = {name: request.path_params[name] for name in operation.names}
    if operation.method == "GET":
        if "all" in FIELDS[operation.act]:
            fields["all"] = request.query_params.get("all") == "true"
        return fields
    body = await request.body()
    try:
        given = json.loads(body) if body else {}
    except (ValueError, RecursionError):
        raise ValueError("the body is not JSON") from None
    if not isinstance(given, dict):
        raise ValueError("the body must be an object")  # noqa: TRY004 - a mistake of the caller, told as one
    if clash := [name for name in fields if name in given]:
        raise ValueError(f"{clash[0]!r} stands in the address already")
    return fields | given


async def description(_: Request) -> Response:
    """GET: the OpenAPI description, made from the table."""
    return JSONResponse(openapi())


def openapi() -> dict[str, Any]:
    """OpenAPI 3.1: every operation with its fields and answers."""
    paths: dict[str, dict[str, Any]] = {}
    for each in OPERATIONS:
        paths.setdefault(ROOT + each.path, {})[each.method.lower()] = _described(each)
    return {
        "openapi": "3.1.0",
        "info": {"title": "dlpmilter", "version": dlpmilter.__version__, "description": "Held mails and agreements."},
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Refusal": {
                    "type": "object",
                    "required": ["ok", "reason", "error"],
                    "properties": {
                        "ok": {"const": False}, "reason": {"type": "string"}, "error": {"type": "string"},
                        "problems": {"type": "object"},
                    },
                },
            },
        },
        "security": [{"key": []}],
        "paths": paths,
    }  # fmt: skip


def _described(each: Operation) -> dict[str, Any]:
    refused = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}}
    wanted = {name: kind for name, kind in FIELDS[each.act].items() if name not in each.names}
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in each.names]
    found: dict[str, Any] = {
        "operationId": each.act,
        "summary": each.summary,
        "responses": {
            "200": {"description": "Done", "content": {"application/json": {"schema": {"type": "object"}}}},
            **{code: {"description": words, **refused} for code, words in (
                ("400", "What was sent cannot be taken"), ("401", "No valid key"), ("403", "Not this person's"),
                ("404", "No such case"), ("409", "It does not fit how things stand"), ("429", "Too often"),
                ("503", "Not now; try again"))},
        },
    }  # fmt: skip
    if each.method == "GET":
        parameters += [
            {"name": name, "in": "query", "required": False, "schema": _TYPES[kind]} for name, kind in wanted.items()
        ]
    elif wanted:
        schema = {"type": "object", "required": list(wanted), "additionalProperties": False,
                  "properties": {name: _TYPES[kind] for name, kind in wanted.items()}}  # fmt: skip
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return found | ({"parameters": parameters} if parameters else {})
