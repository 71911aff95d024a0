"""Command-line options created from the fields of settings, the only source of names, defaults and help texts."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Annotated, Any

import typer

from eccentric.methods import DEFAULT, METHODS, find
from eccentric.settings import help_texts, parse_pairs
from eccentric.training.config import TrainConfig

SHORTHANDS = tuple(help_texts(METHODS[DEFAULT].Settings))
"""Settings of the default method, which also have command-line options."""


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Replace the `**settings` of a command with options for the fields of `TrainConfig` and the method's settings.

    The command receives all of them in `settings`; `given_settings` selects those that the user typed.
    """
    own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.kind is not p.VAR_KEYWORD]
    added = [_option(field.name, type(field.default), field.default, field.metadata["help"]) for field in _fields()]
    for name, help in help_texts(find(DEFAULT).Settings).items():
        added.append(_option(name, str, None, f"Short for --set {name}=...: {help}"))
    sets = typer.Option("--set", metavar="NAME=VALUE", help="Setting of the method; may be repeated.")
    added.append(_parameter("method_settings", list[str] | None, sets, None))
    required = [parameter for parameter in own if parameter.default is parameter.empty]
    parameters = [*required, *added, *(parameter for parameter in own if parameter not in required)]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def given_settings(context: typer.Context) -> dict[str, Any]:
    """Settings that the user typed, for `TrainConfig`; settings of the method are under "settings".

    Raises:
        UsageError: a --set is not NAME=VALUE.
    """
    typed = {name: value for name, value in context.params.items() if was_given(context, name)}
    given: dict[str, Any] = {field.name: typed[field.name] for field in _fields() if field.name in typed}
    method = {name: typed[name] for name in SHORTHANDS if name in typed}
    method |= parse_pairs(typed.get("method_settings") or [], "--set")
    return given | ({"settings": method} if method else {})


def merged(base: Mapping[str, Any], given: Mapping[str, Any]) -> TrainConfig:
    """Settings of a recipe or of a resumed run, overridden by those that the user typed."""
    values = {**base, **given}
    if given.get("method", base.get("method", DEFAULT)) == base.get("method", DEFAULT):
        values["settings"] = {**base.get("settings", {}), **given.get("settings", {})}
    else:
        values["settings"] = given.get("settings", {})
    return TrainConfig(**values)


def was_given(context: typer.Context, name: str) -> bool:
    """Whether the user typed the option instead of leaving it at its default."""
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def _fields() -> list[Any]:
    return [field for field in fields(TrainConfig) if "help" in field.metadata]


def _option(name: str, kind: type, default: Any, help: str) -> inspect.Parameter:
    metavar = name if name.isupper() else None
    option = typer.Option("--" + name.replace("_", "-"), metavar=metavar, help=help)
    return _parameter(name, kind if default is not None else kind | None, option, default)


def _parameter(name: str, kind: Any, option: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=Annotated[kind, option]
    )
