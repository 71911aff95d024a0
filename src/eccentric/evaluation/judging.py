"""Evaluation of a run on test items, compared with PCA of the same size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eccentric.evaluation.probes import neighbour_error, neighbours_for, pca_encodings
from eccentric.inference import reconstruction_error

if TYPE_CHECKING:
    import numpy as np

    from eccentric.data import Data
    from eccentric.models import Autoencoder


def evaluate(model: Autoencoder, data: Data, train: np.ndarray, test: np.ndarray) -> dict[str, Any]:
    """Reconstruction and nearest-neighbour errors on test items, of the model and of PCA with as many components.

    Args:
        model: as trained.
        data: data that it was trained on.
        train, test: encodings of the training and of the test items, (n, d) and (m, d).

    Returns:
        The content of evaluation.json.
    """
    shift, scale = model.shift.cpu(), model.scale.cpu()
    pca_train, pca_test, pca_error = pca_encodings(
        data.train.x,
        data.test.x,
        train.shape[1],
        lambda x: ((x - shift) / scale).flatten(1).numpy(),
        padded=model.padded,
    )
    result: dict[str, Any] = {
        "test_reconstruction": reconstruction_error(model, data.test.x),
        "pca_test_reconstruction": pca_error,
    }
    # If nearly all labels differ, they are names of items, not classes.
    if data.train.labels is not None and data.test.labels is not None and 2 * len(data.label_names) <= len(train):
        neighbours = neighbours_for(len(train))
        labels = data.train.labels, data.test.labels
        result |= {
            "neighbours": neighbours,
            "neighbour_error": neighbour_error(train, labels[0], test, labels[1], neighbours),
            "pca_neighbour_error": neighbour_error(pca_train, labels[0], pca_test, labels[1], neighbours),
        }
    return result
