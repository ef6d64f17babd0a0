"""docs/protocol.md and the types of the protocol say the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from attrs import NOTHING, fields

from conexus.lsp import handlers, protocol, server

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text("utf-8")
PARTS = {
    part.split("\n", 1)[0]: part
    for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    if part.startswith("conexus/")
}


def camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)


def examples(method: str) -> list[Any]:
    return [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PARTS[method], re.DOTALL)]


def shape(value: Any) -> Any:
    """Return the names in a JSON value, of the first item where there are several."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else None


def test_every_method_is_documented_and_every_documented_one_exists() -> None:
    assert set(PARTS) == {*protocol.REQUESTS, *protocol.NOTIFICATIONS}


def test_every_request_has_a_handler_and_a_command() -> None:
    assert set(protocol.REQUESTS) == {name for name in server.HANDLERS if name.startswith("conexus/")}
    assert sorted(protocol.COMMANDS.values()) == sorted(protocol.REQUESTS)
    assert all(name.startswith("conexus.server.") for name in protocol.COMMANDS)


@pytest.mark.parametrize("method", sorted(protocol.REQUESTS))
def test_the_table_of_parameters_is_the_type(method: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", PARTS[method], re.MULTILINE)
    wanted = protocol.REQUESTS[method][0]
    said = [(name, type_.endswith("optional")) for name, type_ in rows]
    assert said == [(camel(one.name), one.default is not NOTHING) for one in fields(wanted)]


@pytest.mark.parametrize("method", sorted(protocol.REQUESTS))
def test_the_first_example_is_valid(method: str) -> None:
    assert protocol.structure(examples(method)[0], protocol.REQUESTS[method][0])


@pytest.mark.parametrize("method", sorted({**protocol.REQUESTS, **protocol.NOTIFICATIONS}))
def test_the_last_example_has_every_field_of_the_result(method: str) -> None:
    result = protocol.NOTIFICATIONS.get(method) or protocol.REQUESTS[method][1]
    example = examples(method)[-1]
    assert list(example) == [camel(one.name) for one in fields(result)]
    for name, item in (
        ("hits", protocol.Hit),
        ("symbols", protocol.Symbol),
        ("folders", protocol.FolderStatus),
    ):
        for found in example.get(name, [])[:1] if isinstance(example.get(name), list) else []:
            assert list(found) == [camel(one.name) for one in fields(item)]


def test_results_have_no_defaults() -> None:
    results = {result for _, result in protocol.REQUESTS.values()}
    for owner in (*results, *protocol.NOTIFICATIONS.values(), protocol.Hit, protocol.Symbol):
        assert [one.name for one in fields(owner) if one.default is not NOTHING] == []


def test_handlers_are_short() -> None:
    import inspect

    long = {
        name: len(inspect.getsource(function).splitlines())
        for name, function in inspect.getmembers(handlers, inspect.isfunction)
        if function.__module__ == handlers.__name__ and len(inspect.getsource(function).splitlines()) > 20
    }
    assert long == {}
