"""Modules outside `eccentric.methods` name no method."""

from __future__ import annotations

import ast
from pathlib import Path

import eccentric
from eccentric.comparison.grids import BASELINES, entries
from eccentric.methods.registry import DEFAULT, REFERENCE

PACKAGE = Path(eccentric.__file__).parent
# The default and the reference may be named. "linear" is also an architecture.
ALLOWED = {DEFAULT, REFERENCE, *BASELINES, "linear"}


def test_no_module_outside_names_a_method():
    names = set(entries()) - ALLOWED
    found = {
        f"{path.relative_to(PACKAGE)}:{node.lineno}: {node.value}"
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] not in ("methods", "bench")  # bench times some losses as functions
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in names
    }
    assert found == set()
