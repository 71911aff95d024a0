"""States (one number per component, in standard deviations), decoded for the page and for `eccentric sample`."""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from eccentric.errors import EccentricError
from eccentric.inference import decode
from eccentric.runs.names import COMPONENTS

if TYPE_CHECKING:
    from pathlib import Path

    from jaxtyping import Float, Shaped
    from torch import Tensor

    from eccentric.components import DeepComponents
    from eccentric.data.items import ItemSpec
    from eccentric.models import Autoencoder
    from eccentric.runs import Run

__all__ = ["FARTHEST", "as_items", "decode_states", "fingerprint", "is_number", "latents_of", "read_state_file"]

FARTHEST = 1000.0  # standard deviations
MOST_BYTES = 1 << 20


def decode_states(
    model: Autoencoder, components: DeepComponents, spec: ItemSpec, states: Float[np.ndarray, "n d"]
) -> Shaped[np.ndarray, "n ..."]:
    """Decode states to items in the units of the data: uint8 images (n, c, h, w) or float32 rows (n, features)."""
    return as_items(decode(model, latents_of(components, states)), spec)


def latents_of(components: DeepComponents, states: Float[np.ndarray, "n d"]) -> Float[Tensor, "n k"]:
    """Convert states to latents."""
    p = torch.from_numpy(np.asarray(states, np.float64) * np.sqrt(components.eigenvalues.numpy()))
    return components.decode(p).float()


def as_items(raw: Float[Tensor, "n ..."], spec: ItemSpec) -> Shaped[np.ndarray, "n ..."]:
    """Convert the output of a decoder to items of the data's type."""
    return (raw.round().clamp(0, 255).to(torch.uint8) if spec.dtype == "uint8" else raw).numpy()


def fingerprint(run: Run) -> str:
    """Digest of the components of a run, with which a saved state is matched to its run."""
    return hashlib.sha256((run.path / COMPONENTS).read_bytes()).hexdigest()[:16]


def read_state_file(path: Path, run: Run) -> tuple[Float[np.ndarray, " d"], list[str]]:
    """Read the state in a file saved by the explorer, and notes on it.

    Raises:
        EccentricError: the file is missing, is not a state, or has another number of components than the run.
    """
    try:
        with path.open("rb") as file:
            content: Any = json.loads(file.read(MOST_BYTES))
    except OSError as error:
        raise EccentricError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise EccentricError(
            f"{path} is not a state: it is not JSON; save one on the page of eccentric explore"
        ) from None
    state = content.get("state") if isinstance(content, dict) else None
    if not isinstance(state, list) or not state or not all(map(is_number, state)):
        raise EccentricError(f'{path} has no list of numbers "state"; save one on the page of eccentric explore')
    dim = len(run.components.eigenvalues)
    if len(state) != dim:
        raise EccentricError(
            f"{path} is a state of {len(state)} components, but {run.path} has {dim}; pass its own run"
        )
    saved_from = content.get("components")
    other = saved_from is not None and saved_from != fingerprint(run)
    notes = [f"{path} was saved from another run, whose components differ; the item differs too"] if other else []
    return np.array(state, np.float64), notes


def is_number(value: Any) -> bool:
    """Whether a JSON value is a valid number of a state: finite and within `FARTHEST`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    # math.isfinite alone would raise an error for an int that is too large for a float.
    return -FARTHEST <= value <= FARTHEST and math.isfinite(value)
