"""Evaluation of a run on test items, compared with PCA of the same size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from eccentric.data.sparse_rows import SparseRows
from eccentric.evaluation.probes import neighbour_error, neighbours_for
from eccentric.inference import reconstruction_error
from eccentric.models.pca import fit_pca

if TYPE_CHECKING:
    import numpy as np

    from eccentric.data import Data
    from eccentric.models import Autoencoder

BATCH = 1000  # number of items that PCA encodes at a time
MOST_NUMBERS = 50_000_000  # of the items that PCA is fitted to, 400 MB: all of MNIST, 4,000 faces
MOST_SPARSE_NUMBERS = 12_500_000  # of a sparse matrix, whose rows are made dense: 100 MB


def evaluate(model: Autoencoder, data: Data, train: np.ndarray, test: np.ndarray) -> dict[str, Any]:
    """Reconstruction and nearest-neighbour errors on test items, of the model and of PCA with as many components.

    Args:
        model: as trained.
        data: data that it was trained on.
        train, test: encodings of the training and of the test items, (n, d) and (m, d).

    Returns:
        The content of evaluation.json.
    """
    most = MOST_SPARSE_NUMBERS if isinstance(data.train.x, SparseRows) else MOST_NUMBERS
    pca = fit_pca(model, data.train.x, train.shape[1], most)
    errors = [pca.errors(batch) for batch in data.test.x.split(BATCH)]
    result: dict[str, Any] = {
        "test_reconstruction": reconstruction_error(model, data.test.x),
        "pca_test_reconstruction": torch.cat(errors).mean().item(),
    }
    # If nearly all labels differ, they are names of items, not classes.
    if data.train.labels is not None and data.test.labels is not None and 2 * len(data.label_names) <= len(train):
        neighbours = neighbours_for(len(train))
        pca_train, pca_test = (
            torch.cat([pca.scores(batch) for batch in split.x.split(BATCH)]).numpy()
            for split in (data.train, data.test)
        )
        labels = data.train.labels, data.test.labels
        result |= {
            "neighbours": neighbours,
            "neighbour_error": neighbour_error(train, labels[0], test, labels[1], neighbours),
            "pca_neighbour_error": neighbour_error(pca_train, labels[0], pca_test, labels[1], neighbours),
        }
    return result
