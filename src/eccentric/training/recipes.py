"""Named sets of settings: the paper's to the letter, and one that gets as far in a tenth of its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eccentric.errors import UsageError

if TYPE_CHECKING:
    from eccentric.data.items import ItemSpec

RECIPES = ("paper", "fast")


def check_recipe(name: str) -> None:
    """Raise `UsageError` unless there is a recipe of that name."""
    if name not in RECIPES:
        raise UsageError(f"unknown recipe {name!r}; choose one of {', '.join(RECIPES)}")


def recipe(name: str, spec: ItemSpec) -> dict[str, Any]:
    """Settings of `TrainConfig` for items of a kind and shape; the others keep their defaults, the paper's.

    "paper" is section 4 and A.5: Adam at a constant 1e-4, batches of 100, and 1000 epochs for MNIST, 100 for CelebA
    and whatever else. "fast" takes a tenth of the epochs at a higher rate that rises and falls: 8e-3, or 1e-3 for the
    large network of CelebA, which already at 3e-3 learns more slowly. docs/training.md has the comparison.

    Raises:
        UsageError: there is no recipe of that name.
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
