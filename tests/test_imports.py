"""What loading the package loads."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ["matplotlib", "datasets", "pandas", "pyarrow", "sklearn", "PIL", "jinja2", "typer", "rich", "safetensors"]


def loaded(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import eccentric",
        "import eccentric.theory",
        "import torch, eccentric; eccentric.EccentricLoss()(torch.randn(9, 4))",
        "import torch, eccentric; eccentric.DeepComponents().fit(torch.randn(9, 4)).sample(3)",
    ],
)
def test_stays_light(statement):
    assert loaded(statement).isdisjoint([*HEAVY, "jaxtyping"])


def test_public_names():
    import eccentric

    assert eccentric.__all__ == sorted(eccentric.__all__)
    assert all(hasattr(eccentric, name) for name in eccentric.__all__)


def test_training_code_loads_no_pictures():
    assert loaded("import eccentric.training, eccentric.models, eccentric.data").isdisjoint(
        ["matplotlib", "datasets", "typer", "jinja2", "jaxtyping"]
    )


def test_the_package_is_light_until_a_name_is_used():
    """The command line must handle Ctrl-C before PyTorch is imported."""
    assert "torch" not in loaded("import eccentric")
    assert "torch" in loaded("from eccentric import EccentricLoss")


def test_names_before_their_use():
    code = "import eccentric; print(sorted({*eccentric.__all__} - {*dir(eccentric)}), eccentric.theory.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[] eccentric.theory\n"
