"""What a fitted estimator holds: all of it or nothing of it, and what is taken back."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from eccentric.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eccentric.estimator.transformer import EccentricAutoencoder

STABILITY = ("component_stability_", "component_stability_std_", "run_variances_")
STREAM = ("_learner", "_config", "_recent", "_metrics", "n_samples_seen_")


@contextmanager
def whole_or_not_at_all(estimator: EccentricAutoencoder) -> Iterator[None]:
    """Should the block fail, the estimator is what it was; a parameter's UsageError becomes a ValueError."""
    before = dict(estimator.__dict__)
    try:
        yield
    except BaseException as error:
        estimator.__dict__.clear()
        estimator.__dict__.update(before)
        if isinstance(error, UsageError):
            raise ValueError(str(error)) from None
        raise


def forget(estimator: EccentricAutoencoder, names: Sequence[str]) -> None:
    for name in names:
        estimator.__dict__.pop(name, None)


def warn_of_constant(estimator: EccentricAutoencoder, columns: Sequence[int]) -> None:
    """Name the columns that do not vary. The warning points to who called `fit`."""
    if columns:
        listed = _listed(estimator, columns)
        warnings.warn(f"constant columns: {listed}. They are kept, and tell nothing.", stacklevel=3)


def warn_of_blurred(estimator: EccentricAutoencoder, columns: Sequence[int]) -> None:
    """Name the columns of which float32, in which networks work, keeps less than three digits."""
    if columns:
        listed = _listed(estimator, columns)
        warnings.warn(
            f"columns that vary by too little, for their size, for float32: {listed}. Subtract an offset first.",
            stacklevel=4,
        )


def _listed(estimator: EccentricAutoencoder, columns: Sequence[int]) -> str:
    names = getattr(estimator, "feature_names_in_", None)
    said = [repr(str(names[j])) if names is not None else str(j) for j in columns]
    return ", ".join(said[:10]) + (f" and {len(said) - 10} more" if len(said) > 10 else "")
