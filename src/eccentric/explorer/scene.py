"""The computations of the page for a trained run: items and their neighbours for a state.

A state has one number per component, in standard deviations of that component over the training items; zero is the mean
latent. All functions take and return plain values, so they need neither a server nor a browser.
"""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from eccentric.data.sources import NAMED
from eccentric.errors import UsageError
from eccentric.evaluation.random_latents import check_sampling, describe_sampling, random_latents
from eccentric.explorer.directions import attributes_of_labels, learn, learn_between
from eccentric.explorer.drafts import quick_decoder
from eccentric.explorer.states import as_items, decode_states, fingerprint
from eccentric.inference import encode, item_errors
from eccentric.runs.component_names import clean, read_names, write_names
from eccentric.runs.views import read_view

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from jaxtyping import Float, Int, Shaped
    from torch import Tensor

    from eccentric.data.attributes import Attributes
    from eccentric.explorer.directions import Direction
    from eccentric.runs import Run
    from eccentric.runs.latents import Latents

__all__ = ["PAIR", "Scene"]

PAIR = 2.0
"""Standard deviations at which eigen-pairs are shown, as in `DeepComponents.eigenpairs`."""
DRAWN_AT_ONCE = 64  # random items; a mixture is fitted for each draw, which takes seconds
FALSE_TRUE = ["False", "True"]  # labels from a column of yes or no
NO_YES = ["no", "yes"]  # as they are shown
MOST_LABELS = 20  # more labels cannot be distinguished by colour


class Colouring(NamedTuple):
    """What the points of the test items can be coloured by.

    Attributes:
        name: name of the label or of an attribute.
        values: names of its values.
        codes: place of the value of each test item among the values.
    """

    name: str
    values: list[str]
    codes: Int[np.ndarray, " n"]


class Scene:
    """A run that is opened for the page.

    Args:
        run: a run whose training is complete.
        attributes: binary attributes of its items; by default the labels are used as attributes.

    Raises:
        EccentricError: a file of the run is missing or damaged.
        UsageError: the run has no components, or the attributes belong to other items.
    """

    def __init__(self, run: Run, attributes: Attributes | None = None) -> None:
        self.view = read_view(run)
        if not self.view.eigenvalues.size:
            raise UsageError(f"{run.path} has no components, because its latents have no spectrum; explore needs them")
        self.run = run
        self._model = run.model()
        self._attributes = attributes
        self._quick: Future[Callable[[Tensor], Tensor]] | None = None
        self._drawn: dict[str, list[list[float]]] = {}
        self.deviations = np.sqrt(self.view.eigenvalues)
        self.names = read_names(run.path, self.dim)

    @property
    def dim(self) -> int:
        return self.view.dim

    @cached_property
    def test_states(self) -> Float[np.ndarray, "n d"]:
        """The encoded test items."""
        return self._to_states(self.view.test.p)

    def describe(self) -> dict[str, Any]:
        """The description of the run that the page loads first, as JSON values."""
        names, _ = self.labels
        shares = self.view.eigenvalues / max(self.view.trace, 1e-300)
        known = {name: self._of_components(name) for name in ("importance", "stability")}
        key = self.view.eigenvalues if known["importance"] is None else known["importance"]
        return {
            "name": self.view.name,
            "kind": self.view.spec.kind,
            "items": str(self.view.spec),
            "size": self.view.spec.image_size,
            "components": [
                {
                    "index": k,
                    "name": self.names[k],
                    "variance": float(self.view.eigenvalues[k]),
                    "share": float(shares[k]),
                    **{name: None if values is None else float(values[k]) for name, values in known.items()},
                }
                for k in np.argsort(-key, kind="stable").tolist()
            ],
            "fingerprint": fingerprint(self.run),
            "pair": PAIR,
            "samplings": {
                name: describe_sampling(self._model.method, name) for name in self._model.method.traits.samplings
            },
            "testItems": len(self.test_states),
            "heldOut": self.view.held_out,
            "storedItems": len(self.run.examples),
            "labels": names,
            "colourings": [{"name": each.name, "values": each.values} for each in self.colourings],
            "directions": self._attributes is not None or len(names) > 1,
            "error": self.view.error,
        }

    def rename(self, component: int, name: str) -> str:
        """Name a component and store the names in the run folder. Returns the name as stored.

        Raises:
            EccentricError: the folder cannot be written.
        """
        names = self.names.copy()
        names[component] = clean(name)
        write_names(self.run.path, names)
        self.names = names
        return names[component]

    @cached_property
    def labels(self) -> tuple[list[str], Int[np.ndarray, " n"]]:
        """Names of the labels, and the index of the label of each test item.

        Both are empty if the items have no labels, or too many to be distinguished.
        """
        labels = self.view.test.labels
        if labels is not None:
            names, codes = np.unique(labels, return_inverse=True)
            if len(names) <= MOST_LABELS:
                return [str(name) for name in names], codes.astype(np.uint16)
        return [], np.zeros(len(self.test_states), np.uint16)

    @cached_property
    def colourings(self) -> list[Colouring]:
        """The labels, if there are any, and each attribute. Attributes of other items are left out."""
        names, codes = self.labels
        found = [Colouring(self.label_name, NO_YES if names == FALSE_TRUE else names, codes)] if names else []
        if self._attributes is not None and len(self._attributes.test) == len(self.test_states):
            held = self._attributes.test.astype(np.uint16)
            found += [Colouring(name, NO_YES, held[:, j]) for j, name in enumerate(self._attributes.names)]
        return found

    @property
    def label_name(self) -> str:
        """Name of the column of the labels; "label" if an older run folder contains only the labels."""
        data = self.run.config["data"]
        known = NAMED.get(str(data.get("source")))
        return str(data.get("label_column") or data.get("label") or (known and known.label) or "label")

    def decode(self, states: Float[np.ndarray, "n d"]) -> Shaped[np.ndarray, "n ..."]:
        """Decode states to items in the units of the data.

        Items are uint8 images (n, c, h, w), float32 rows (n, features), or float32 sequences (n, steps, features) of
        the median length.
        """
        items = decode_states(self._model, self.run.components, self.view.spec, states)
        return items[:, : self.view.median_steps] if self.view.spec.is_sequence else items

    @property
    def drafts_are_quick(self) -> bool:
        """Whether the faster decoder of `draft` is ready."""
        return self._quick is not None and self._quick.done()

    def draft(self, state: Float[np.ndarray, " d"]) -> Shaped[np.ndarray, "..."]:
        """Decode one state while a slider moves: faster than `decode`, and equal up to a grey level (RMS).

        The first call starts to prepare the faster decoder, which takes seconds for a large network. The model answers
        until it is ready.
        """
        row = torch.from_numpy(np.asarray(state, np.float32))[None]
        if self._quick is None:
            self._quick = ThreadPoolExecutor(1).submit(quick_decoder, self._model, self.run.components, row)
        if not self.drafts_are_quick:
            return self.decode(state[None])[0]
        item = as_items(self._quick.result()(row), self.view.spec)[0]
        return item[: self.view.median_steps] if self.view.spec.is_sequence else item

    def pair(self, component: int) -> Shaped[np.ndarray, "2 ..."]:
        """The items at -PAIR and +PAIR standard deviations along one component (numbered from 0), as in Figure 7."""
        states = np.zeros((2, self.dim))
        states[:, component] = -PAIR, PAIR
        return self.decode(states)

    def combinations(
        self, state: Float[np.ndarray, " d"], across: Sequence[int], down: Sequence[int]
    ) -> Shaped[np.ndarray, "rows columns ..."]:
        """Items for all combinations of signs of chosen components, as in Figure 9.

        Args:
            state: values of the other components.
            across, down: components (numbered from 0) that are -PAIR or +PAIR. Those of `across` change from column to
                column, the last one fastest; those of `down` change from row to row and start at +PAIR.
        """
        columns, rows = (list(itertools.product((-PAIR, PAIR), repeat=len(chosen))) for chosen in (across, down))
        states = np.broadcast_to(state, (len(rows), len(columns), self.dim)).copy()
        for i, signs in enumerate(rows):
            states[i, :, list(down)] = -np.array(signs)[:, None]
        for j, signs in enumerate(columns):
            states[:, j, list(across)] = signs
        decoded = self.decode(states.reshape(-1, self.dim))
        return decoded.reshape(len(rows), len(columns), *decoded.shape[1:])

    def random_state(self, sampling: str) -> list[float]:
        """The state of a random item.

        Raises:
            UsageError: the method of the run has no such way of sampling.
        """
        check_sampling(self._model.method, sampling)
        waiting = self._drawn.setdefault(sampling, [])
        if not waiting:
            components = self.run.components
            z = random_latents(self._model.method, components, self.run.training_latents, DRAWN_AT_ONCE, sampling)
            waiting += self._to_states(components.encode(z).numpy()).tolist()
        return waiting.pop()

    def encode(self, items: Shaped[Tensor, "n ..."]) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, " n"]]:
        """States of raw items, and the mean squared error of the reconstruction of each item."""
        states = self._to_states(self.run.components.encode(encode(self._model, items)).numpy())
        return states, item_errors(self._model, items).numpy()

    @cached_property
    def stored(self) -> Shaped[np.ndarray, "k ..."]:
        """The raw test items that are stored in the run folder."""
        return self.run.examples.numpy()

    @cached_property
    def stored_states(self) -> Float[np.ndarray, "k d"]:
        return self.encode(self.run.examples)[0]

    def nearest(self, state: Float[np.ndarray, " d"], count: int = 5) -> dict[str, Any]:
        """Find the nearest items by Euclidean distance between latents.

        Returns:
            "stored": the nearest of the raw items in the run folder. "test": the nearest of all encoded test items,
            whose latents are in the folder, but not the items. Both are sorted by distance.
        """
        labels = self.view.test.labels
        shown = dict(zip(FALSE_TRUE, NO_YES, strict=True)) if self.labels[0] == FALSE_TRUE else {}
        return {
            "stored": [
                {"index": i, "distance": distance}
                for i, distance in _nearest(self.stored_states * self.deviations, state * self.deviations, count)
            ],
            "test": [
                {
                    "index": i,
                    "row": int(self.view.test.rows[i]),
                    "label": None if labels is None else shown.get(str(labels[i]), str(labels[i])),
                    "distance": distance,
                }
                for i, distance in _nearest(self.view.test.p, state * self.deviations, count)
            ],
        }

    @cached_property
    def directions(self) -> list[Direction]:
        """A direction for each attribute, or for each label if no attributes were given."""
        train = self._train
        if self._attributes is not None:
            return learn(self._to_states(train.p), self.test_states, self._attributes)
        if train.labels is None or self.view.test.labels is None or not self.labels[0]:
            return []
        names = self.labels[0]
        attributes = attributes_of_labels(train.labels, self.view.test.labels, names)
        if names == FALSE_TRUE:
            attributes = replace(attributes, names=[self.label_name])
        return learn(self._to_states(train.p), self.test_states, attributes)

    def direction_between(self, first: int, second: int) -> Direction:
        """The direction from the items of one label to those of another; the indices are those of `labels`.

        Raises:
            UsageError: a label has too few items.
        """
        names, train = self.labels[0], self._train
        found = None
        if train.labels is not None and self.view.test.labels is not None and first != second:
            states = self._to_states(train.p)
            labels = self.view.test.labels
            found = learn_between(states, train.labels, self.test_states, labels, names[first], names[second])
        if found is None:
            raise UsageError("no direction between these labels: choose two that both have training and test items")
        return found

    @cached_property
    def _train(self) -> Latents:
        return self.run.latents("train")

    def _of_components(self, name: str) -> np.ndarray | None:
        """Importance or stability of each component, if the run folder contains it."""
        known = getattr(self.view, name, None)
        if known is None:
            kept = self.run.config.get("estimator", {})
            key = f"component_{name}_"
            known = kept.get("measured", {}).get(key, kept.get(key))  # in folders of 0.1.0, it is a top-level entry
        values = None if known is None else np.asarray(known, float)
        return values if values is not None and values.shape == (self.dim,) and np.isfinite(values).all() else None

    def _to_states(self, p: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
        # The state of a component without variance is zero.
        scale = np.where(self.deviations > 0, self.deviations, np.inf)
        return (p / scale).astype(np.float32)


def _nearest(points: Float[np.ndarray, "n d"], point: Float[np.ndarray, " d"], count: int) -> list[tuple[int, float]]:
    squares = np.square(points - point).sum(1)
    rounding = 1e-6 * np.abs(points).max(initial=0)  # of float32, so that an item is at distance 0 from itself
    squares[squares < points.shape[1] * rounding**2] = 0
    first = np.argpartition(squares, min(count, len(squares)) - 1)[:count]
    return [(int(i), float(np.sqrt(squares[i]))) for i in first[np.argsort(squares[first], kind="stable")]]
