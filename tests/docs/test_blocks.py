"""The code blocks of the README and the documentation run as printed.

Python blocks of a page run one after the other in one process. Names that a page takes for granted, such as a batch of
latents z, are defined in before/PAGE.py. Shell commands run as printed if they need embedded data only and end within a
minute; `NOT_RUN` lists the others with the reason. They are at least parsed: each option exists and has a valid value.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
from typer.main import get_command

from eccentric.cli import app

ROOT = Path(__file__).parents[2]
BEFORE = Path(__file__).parent / "before"
PAGES = ["README.md", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md"))]
LANGUAGES = {"python", "sh", "text"}
NOT_RUN = {
    r"make ": "the checks of each commit run these themselves",
    r"pip install ": "tests/package and tools/package.py install the wheel",
    r"eccentric explore ": "serves until Ctrl-C; tests/explorer drives the page in a browser",
    r".* --push ": "needs an account; tests/hub has a hub of its own",
    r".*\b(mnist|faces|celeba|CIFAR10)\b": "needs data that are not embedded",
    r".*\bvowels": "needs data that are not embedded",
    r"eccentric compare digits --runs 5 ": "takes an hour; tests/comparison trains a smaller one",
    r"python examples/(reinforcement_learning|self_supervised)": "takes hours; tests/examples trains smaller ones",
    r"python examples/": "tests/examples runs them",
    r"\. ": "activates the environment that the tests run in",
    r"python -m benchmarks\.": "takes minutes; tests/benchmarks runs smaller sizes",
    r"eccentric sample runs/demo --state ": "needs a state saved in the browser; tests/explorer decodes one",
}


class Block(NamedTuple):
    language: str
    text: str


def blocks(page: str) -> list[Block]:
    """Fenced blocks in order, without directives of the site."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(r"^```([^\n]*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [Block(language, body) for language, body in found if not language.startswith("{")]


def commands(page: str) -> list[str]:
    lines = [line for block in blocks(page) if block.language == "sh" for line in block.text.splitlines()]
    return [line for line in lines if line]


def reason(command: str) -> str | None:
    """Why a command is not run."""
    return next((why for pattern, why in NOT_RUN.items() if re.match(pattern, command)), None)


def has(page: str, language: str) -> bool:
    return any(block.language == language for block in blocks(page))


@pytest.mark.parametrize("page", PAGES)
def test_every_block_names_its_language(page):
    assert {block.language for block in blocks(page)} <= LANGUAGES
    indented = re.findall(r"(?<=\n\n)    (?:eccentric|python|from|import|pip) .*", (ROOT / page).read_text("utf-8"))
    assert not indented


@pytest.mark.parametrize("page", [page for page in PAGES if has(page, "sh")])
def test_commands_are_parsed(page):
    group = cast("Any", get_command(app))  # typer has its own copy of click, without types
    context = group.context_class(group)
    for command in commands(page):
        words = shlex.split(command.replace("torchrun --nproc-per-node 8 -m ", ""), comments=True)
        if words[0] == "eccentric":
            name, subcommand, rest = group.resolve_command(context, words[1:])
            subcommand.make_context(name, rest)  # refuses unknown options and values
        elif words[0] == "python":
            script = words[2].replace(".", "/") + ".py" if words[1] == "-m" else words[1]
            assert (ROOT / script).is_file(), command
        else:
            assert words[0] in ("make", "pip", "."), command


@pytest.mark.docs
@pytest.mark.parametrize("page", [page for page in PAGES if has(page, "python")])
def test_python_blocks_run(page, tmp_path):
    before = BEFORE / (Path(page).stem.lower().replace("-", "_") + ".py")
    parts = [before.read_text(encoding="utf-8")] if before.is_file() else []
    parts += [block.text for block in blocks(page) if block.language == "python"]
    (tmp_path / "page.py").write_text("\n".join(parts), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]), "MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, "page.py"], cwd=tmp_path, env=environment, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.docs
@pytest.mark.parametrize("page", [page for page in PAGES if any(reason(line) is None for line in commands(page))])
def test_commands_run(page, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    for command in commands(page):
        if reason(command) is None:
            script = f'eccentric() {{ {shlex.quote(sys.executable)} -P -m eccentric "$@"; }}\n{command}'
            done = subprocess.run(
                ["sh", "-c", script], cwd=tmp_path, env=environment, check=False, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{command}\n{done.stdout[-1000:]}{done.stderr[-2000:]}"


def test_every_benchmark_has_its_line():
    page = (ROOT / "docs/benchmarks.md").read_text("utf-8")
    scripts = {path.stem for path in (ROOT / "benchmarks").glob("[a-z]*.py")} - {"explorer_pictures"}
    assert scripts == set(re.findall(r"^\| `benchmarks\.(\w+)`", page, re.MULTILINE))


def test_reasons_are_needed():
    """No pattern is left over from a command that is gone, and no preamble from a page."""
    every = [command for page in PAGES for command in commands(page)]
    first = {next((pattern for pattern in NOT_RUN if re.match(pattern, command)), None) for command in every}
    assert first >= set(NOT_RUN)
    pages = {Path(page).stem.lower().replace("-", "_") for page in PAGES if has(page, "python")}
    assert {path.stem for path in BEFORE.glob("*.py")} - {"__init__"} <= pages
