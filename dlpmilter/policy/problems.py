# SPDX-License-Identifier: Apache-2.0
"""Errors of the TOML shape as problems people can act on: key path by rule id, suggestion. Never raises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from dlpmilter.config import Problem, error_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import ValidationError


def shape_problems(
    file: str, error: ValidationError, model: type[BaseModel], data: object, prefix: str = ""
) -> list[Problem]:
    """Every error of one validation, in the order of the file's keys."""
    return [_problem(file, dict(each), model, data, prefix) for each in error.errors(include_url=False)]


def _problem(file: str, error: dict[str, Any], model: type[BaseModel], data: object, prefix: str) -> Problem:
    location = error["loc"]
    key = prefix + key_path(location, data)
    if error["type"] == "missing":
        field = _model_at(model, location[:-1]).model_fields.get(str(location[-1]))
        return Problem(file, key, "is missing.", (field.description if field else "") or "policies/README.md shows it.")
    known = [field.alias or name for name, field in _model_at(model, location[:-1]).model_fields.items()]
    return Problem(file, key, error_words(error, known))


def key_path(location: Sequence[str | int], data: object) -> str:
    """`case[own-private-mailbox].when`: list items by id or name where they have one, else by number from 1."""
    path, here = "", data
    for part in location:
        if part == "[key]":  # pydantic's mark for a name that is not one of the allowed ones
            break
        if isinstance(part, int):
            here = here[part] if isinstance(here, list) and part < len(here) else None
            path += f"[{item_name(here, part)}]"
        else:
            here = here.get(part) if isinstance(here, dict) else None
            path += f".{part}" if path else part
    return path


def item_name(item: object, index: int) -> str:
    """The id or name of a list item, else `#` and its number from 1."""
    if isinstance(item, dict):
        for key in ("id", "name"):
            if isinstance(item.get(key), str):
                return str(item[key])
    return f"#{index + 1}"


def _model_at(model: type[BaseModel], location: Sequence[str | int]) -> type[BaseModel]:
    for part in location:
        if isinstance(part, int):
            continue
        field = next((each for name, each in model.model_fields.items() if part in {name, each.alias}), None)
        inner = _inner_model(field.annotation) if field else None
        if inner is not None:
            model = inner
    return model


def _inner_model(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _inner_model(each)) is not None), None)
