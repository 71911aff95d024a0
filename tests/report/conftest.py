"""One run of labelled images, trained once, reported once, at a third of the resolution."""

import shutil

import pytest

from eccentric.plots import style
from eccentric.report import write_report
from eccentric.report.facts import read_facts
from eccentric.runs import Run
from tests.report.making import make, pictures


@pytest.fixture(scope="package", autouse=True)
def low_resolution():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(style.STYLE, "figure.dpi", 72)
        yield


@pytest.fixture(scope="package")
def trained(tmp_path_factory):
    """A run without a report; `run` is a copy to change."""
    return make(tmp_path_factory.mktemp("trained") / "run", pictures(60, 8, 8), ["cat", "dog"] * 30, dim=3)


@pytest.fixture(scope="package")
def reported(trained, tmp_path_factory):
    """The same with its report, to be read only."""
    run = Run(shutil.copytree(trained.path, tmp_path_factory.mktemp("reported") / "run"))
    assert write_report(run) == run.path / "report.html"
    return run


@pytest.fixture
def run(trained, tmp_path):
    return Run(shutil.copytree(trained.path, tmp_path / "run"))


@pytest.fixture
def facts(trained):
    return read_facts(trained)
