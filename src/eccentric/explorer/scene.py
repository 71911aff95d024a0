"""A trained run as the page explores it: a state goes in, items and their neighbours come out.

A state is one number per component, in standard deviations of that component over the training items; zero is the mean
latent. All functions take and return plain values, so they need neither a server nor a browser.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from eccentric.errors import UsageError
from eccentric.evaluation.random_latents import check_sampling, describe_sampling, random_latents
from eccentric.inference import decode, encode
from eccentric.runs.views import read_view

if TYPE_CHECKING:
    from jaxtyping import Float, Int, Shaped
    from torch import Tensor

    from eccentric.runs import Run

__all__ = ["PAIR", "Scene"]

PAIR = 2.0
"""Standard deviations at which eigen-pairs are shown, as in `DeepComponents.eigenpairs`."""
DRAWN_AT_ONCE = 64  # random items: a mixture is fitted again for each draw, and fitting takes seconds
MOST_LABELS = 20  # more of them are not told apart by colour


class Scene:
    """One run, opened for exploring.

    Args:
        run: a run that training has completed.

    Raises:
        EccentricError: a file of the run is missing or damaged.
        UsageError: the items are neither images nor rows of a table, or the run has no components.
    """

    def __init__(self, run: Run) -> None:
        self.view = read_view(run)
        if not self.view.spec.is_image and not self.view.spec.is_table:
            raise UsageError(
                f"{run.path} was trained on {self.view.spec.noun}; explore shows images and rows of a table"
            )
        if not self.view.eigenvalues.size:
            raise UsageError(f"{run.path} has no components, because its latents have no spectrum; explore needs them")
        self._run = run
        self._model = run.model()
        self._components = run.components
        self._drawn: dict[str, list[list[float]]] = {}
        self.deviations = np.sqrt(self.view.eigenvalues)
        self.order = [int(k) for k in np.argsort(-self.view.eigenvalues, kind="stable")]

    @property
    def dim(self) -> int:
        return self.view.dim

    @cached_property
    def test_states(self) -> Float[np.ndarray, "n d"]:
        """The encoded test items."""
        return self._to_states(self.view.test.p)

    def describe(self) -> dict[str, Any]:
        """What the page must know before the first request, as JSON values."""
        names, _ = self.labels
        stability = self._run.config.get("estimator", {}).get("component_stability_")
        shares = self.view.eigenvalues / max(self.view.trace, 1e-300)
        return {
            "name": self.view.name,
            "kind": self.view.spec.kind,
            "items": str(self.view.spec),
            "size": self.view.spec.image_size,
            "components": [
                {
                    "index": k,
                    "variance": float(self.view.eigenvalues[k]),
                    "share": float(shares[k]),
                    "stability": None if stability is None else float(stability[k]),
                }
                for k in self.order
            ],
            "pair": PAIR,
            "samplings": {
                name: describe_sampling(self._model.method, name) for name in self._model.method.traits.samplings
            },
            "testItems": len(self.test_states),
            "heldOut": self.view.held_out,
            "storedItems": len(self._run.examples),
            "labels": names,
        }

    @cached_property
    def labels(self) -> tuple[list[str], Int[np.ndarray, " n"]]:
        """Names of the labels, and for each test item the place of its label among them.

        There are none for unlabelled items, nor where there are too many labels to tell apart.
        """
        labels = self.view.test.labels
        if labels is not None:
            names, codes = np.unique(labels, return_inverse=True)
            if len(names) <= MOST_LABELS:
                return [str(name) for name in names], codes.astype(np.uint16)
        return [], np.zeros(len(self.test_states), np.uint16)

    def decode(self, states: Float[np.ndarray, "n d"]) -> Shaped[np.ndarray, "n ..."]:
        """Decoded items in the data's own units: uint8 images (n, c, h, w) or float32 rows (n, features)."""
        p = torch.from_numpy(np.asarray(states, np.float64) * self.deviations)
        return self._raw(decode(self._model, self._components.decode(p).float()))

    def pair(self, component: int) -> Shaped[np.ndarray, "2 ..."]:
        """The items at -PAIR and +PAIR standard deviations along one component (numbered from 0), as in Figure 7."""
        states = np.zeros((2, self.dim))
        states[:, component] = -PAIR, PAIR
        return self.decode(states)

    def random_state(self, sampling: str) -> list[float]:
        """The state of a random item.

        Raises:
            UsageError: the method of the run has no such way of sampling.
        """
        check_sampling(self._model.method, sampling)
        waiting = self._drawn.setdefault(sampling, [])
        if not waiting:
            z = random_latents(self._model.method, self._components, self._training_latents, DRAWN_AT_ONCE, sampling)
            waiting += self._to_states(self._components.encode(z).numpy()).tolist()
        return waiting.pop()

    @cached_property
    def stored(self) -> Shaped[np.ndarray, "k ..."]:
        """The raw test items that the run folder keeps: real items, as they were before encoding."""
        return self._run.examples.numpy()

    @cached_property
    def stored_states(self) -> Float[np.ndarray, "k d"]:
        z = encode(self._model, self._run.examples)
        return self._to_states(self._components.encode(z).numpy())

    def nearest(self, state: Float[np.ndarray, " d"], count: int = 5) -> dict[str, Any]:
        """The nearest items by Euclidean distance between latents.

        Returns:
            "stored": among the real items that the run folder keeps; "test": among all encoded test items, of which the
            folder keeps the latents but not the items. The nearest come first.
        """
        labels = self.view.test.labels
        return {
            "stored": [
                {"index": i, "distance": distance}
                for i, distance in _nearest(self.stored_states * self.deviations, state * self.deviations, count)
            ],
            "test": [
                {
                    "index": i,
                    "row": int(self.view.test.rows[i]),
                    "label": None if labels is None else str(labels[i]),
                    "distance": distance,
                }
                for i, distance in _nearest(self.view.test.p, state * self.deviations, count)
            ],
        }

    def _to_states(self, p: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
        # A component without variance stays at zero.
        scale = np.where(self.deviations > 0, self.deviations, np.inf)
        return (p / scale).astype(np.float32)

    def _raw(self, items: Tensor) -> Shaped[np.ndarray, "n ..."]:
        image = self.view.spec.dtype == "uint8"
        return (items.round().clamp(0, 255).to(torch.uint8) if image else items).numpy()

    def _training_latents(self) -> Tensor:
        saved = self._run.latents("train")
        return self._components.decode(torch.from_numpy(saved.p)) if saved.z is None else torch.from_numpy(saved.z)


def _nearest(points: Float[np.ndarray, "n d"], point: Float[np.ndarray, " d"], count: int) -> list[tuple[int, float]]:
    squares = np.square(points - point).sum(1)
    first = np.argpartition(squares, min(count, len(squares)) - 1)[:count]
    return [(int(i), float(np.sqrt(squares[i]))) for i in first[np.argsort(squares[first], kind="stable")]]
