"""Where a fitted estimator goes: programs for other runtimes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from sklearn.utils.validation import check_is_fitted

from eccentric import deploy

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Sharing"]


class Sharing:
    """What `EccentricAutoencoder` offers besides learning: its model for others to use."""

    _fitted: Any

    def export(self, path: str | Path, part: deploy.Part = "autoencoder") -> deploy.Exported:
        """Write the fitted model as one program from items to components and back, without this package.

        Args:
            path: file to write: .pt2 for PyTorch, .onnx for ONNX Runtime and others.
            part: "autoencoder" is x -> (p, reconstruction), "encoder" x -> p, "decoder" p -> x. Items are
                (n, *item_shape_) in the units of the fitted X, float32 (or uint8, if X was), p is (n, d) float32.

        Returns:
            The path, and the largest difference between the program's results and the model's, below 1e-5.

        Raises:
            EccentricError: a package is missing, or the program's results differ.
        """
        check_is_fitted(self)
        fitted = self._fitted
        names = getattr(self, "feature_names_in_", None)
        return deploy.export(
            fitted.placed("cpu", torch.float32),
            fitted.found(),
            fitted.layout.spec,
            fitted.whole_record().examples,
            path,
            part,
            None if names is None else [str(name) for name in names],
            tuple(fitted.layout.shape),
        )
