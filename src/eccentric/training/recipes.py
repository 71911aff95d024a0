"""Named settings: those of the paper, and settings with similar results in a tenth of the steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eccentric.errors import UsageError

if TYPE_CHECKING:
    from eccentric.data.items import ItemSpec

RECIPES = ("paper", "fast")


def check_recipe(name: str) -> None:
    """Raise `UsageError` if the recipe is unknown."""
    if name not in RECIPES:
        raise UsageError(f"unknown recipe {name!r}; choose one of {', '.join(RECIPES)}")


def recipe(name: str, spec: ItemSpec) -> dict[str, Any]:
    """Settings of `TrainConfig` for the given items; other settings keep their defaults.

    "paper" follows section 4 and A.5: Adam with a constant learning rate of 1e-4, batches of 100, and 1000 epochs for
    MNIST or 100 epochs for CelebA and other data. "fast" uses a tenth of the epochs and a one-cycle schedule with a
    maximum of 8e-3, or 1e-3 for the large network of CelebA, which learns more slowly at 3e-3. docs/training.md
    compares both.

    Raises:
        UsageError: the recipe is unknown.
    """
    check_recipe(name)
    shape = spec.shape if spec.is_image else None
    architecture = "mnist" if shape == (1, 28, 28) else "celeba" if shape == (3, 64, 64) else "other"
    epochs = 1000 if architecture == "mnist" else 100
    dim = {"dim": 64} if architecture == "celeba" else {}
    if name == "paper":
        return {"epochs": epochs, "precision": "32-true", **dim}
    rate = 1e-3 if architecture == "celeba" else 8e-3
    return {"epochs": epochs // 10, "learning_rate": rate, "schedule": "one-cycle", **dim}
