"""Export of a fitted estimator to other runtimes and to the Hugging Face Hub."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from sklearn.utils.validation import check_is_fitted

from eccentric import deploy

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Sharing"]


class Sharing:
    """Methods of `EccentricAutoencoder` that share its model."""

    _fitted: Any

    if TYPE_CHECKING:

        def save(self, path: str | Path) -> None: ...

        @classmethod
        def load(cls, path: str | Path) -> Self: ...

    def push_to_hub(self, repository: str, *, private: bool | None = None, token: str | None = None) -> str:
        """Send the fitted estimator to the Hugging Face Hub as a run folder with a model card.

        The folder contains the files of `save` and the report, among them a few held-out items and the encodings of up
        to 10,000 training rows. If X is confidential, make the repository private.

        Args:
            repository: hub id, "NAME/REPOSITORY"; created if it does not exist.
            private: whether a new repository is private; None uses the default of the account.
            token: hub token; by default the one saved by `hf auth login`, or $HF_TOKEN.

        Returns:
            The address of the repository.

        Raises:
            EccentricError: the hub rejects the request or cannot be reached.
        """
        from eccentric.hub import check_repository, push
        from eccentric.report import write_report
        from eccentric.runs import Run

        check_is_fitted(self)
        check_repository(repository, token)
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder) / repository.rpartition("/")[2]
            self.save(run)
            write_report(Run(run))
            return push(Run(run), repository, private=private, token=token)

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path,
        *,
        revision: str | None = None,
        token: str | None = None,
        cache: str | Path | None = None,
    ) -> Self:
        """Open an estimator or a run from the Hugging Face Hub, or from a local folder as `load` does.

        Args:
            source: hub id, "NAME/REPOSITORY", or the path of a run folder.
            revision: branch, tag or commit; the main branch by default.
            token: hub token, required for private repositories; by default the one saved by `hf auth login`, or
                $HF_TOKEN.
            cache: folder for downloads; the cache of huggingface_hub by default.

        Raises:
            EccentricError: there is no such folder or repository, a file is damaged, or the hub cannot be reached.
        """
        from eccentric.hub import fetch

        return cls.load(fetch(source, revision=revision, token=token, cache=cache))

    def export(self, path: str | Path, part: deploy.Part = "autoencoder") -> deploy.Exported:
        """Write the fitted model as a program that maps items to components and back and does not need this package.

        Args:
            path: file to write: .pt2 for PyTorch, .onnx for ONNX Runtime and other runtimes.
            part: "autoencoder" is x -> (p, reconstruction), "encoder" x -> p, "decoder" p -> x. Items are
                (n, *item_shape_) in the units of the fitted X, float32 (uint8 if X was uint8); p is (n, d) float32.

        Returns:
            The path, and the errors of the program and of the model against the model in double precision.

        Raises:
            EccentricError: a package is missing, or the error of the program is more than 1e-5 and more than four times
                that of the model.
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
