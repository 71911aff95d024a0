"""What the command line shows."""

import io
import re

from rich.console import Console

from eccentric.paper import ITEMS, Claim, Result, RunStore, Scale, Spec
from eccentric.paper.display import ReproductionProgress, items_table
from eccentric.paper.run_store import Progress

SPEC = Spec("celeba", 64, 0.0001, 64.5, 2)


def console():
    return Console(file=io.StringIO(), width=200)


def shown(where):
    return where.file.getvalue()


def test_the_list_says_what_is_there_and_what_is_missing(store, tmp_path):
    where = console()
    where.print(items_table(store))
    where.print(items_table(RunStore(tmp_path, Scale())))
    text = shown(where)
    assert re.search(r"table3.*4 of 4, made", text)
    assert re.search(r"table1.*28 trainings on CelebA.*0 of 28", text)
    assert re.search(r"fig1 .*nothing needed", text)


def test_data_that_are_not_there_do_not_spoil_the_list(tmp_path):
    where = console()
    where.print(items_table(RunStore(tmp_path, Scale(data={"mnist": str(tmp_path / "gone")}))))
    assert re.search(r"fig3.*data not found", shown(where))
    assert re.search(r"fig5.*0 of 16", shown(where))


def test_without_a_terminal_each_training_is_a_line():
    where = console()
    with ReproductionProgress(where) as progress:
        for done, fraction in ((0, 0.0), (0, 0.5), (1, 0.0)):
            progress.show(Progress(SPEC, done, 3, None, 10, fraction))
    assert shown(where).strip().splitlines() == [
        f"training {k} of 3: celeba d=64 λ=0.0001 μ=64.5 seed=2, 10 epochs" for k in (1, 2)
    ]


def test_claims_are_printed_as_they_turn_out(tmp_path):
    where = console()
    claims = [Claim("up [a]", True, "2 > 1"), Claim("down", False, "2 < 3")]
    ReproductionProgress(where).made(ITEMS["table2"], Result(claims=claims), tmp_path)
    lines = shown(where).splitlines()
    assert lines[0].startswith("Table 2: Distance")
    assert lines[1:3] == ["  ✓ up [a]: 2 > 1", "  ✗ down: 2 < 3"]
    assert lines[3] == f"  written: {tmp_path}"
