"""Deep principal components that you can trust: the Eccentric loss and an autoencoder trained with it."""

from __future__ import annotations

import importlib

from eccentric._version import __version__

TYPE_CHECKING = False  # as in typing, which would take time to import
if TYPE_CHECKING:
    from typing import Any

    from eccentric import theory as theory
    from eccentric.components import DeepComponents
    from eccentric.estimator import EccentricAutoencoder
    from eccentric.loss import EccentricLoss, eccentric_loss
    from eccentric.monitoring import diagnostics

__all__ = ["DeepComponents", "EccentricAutoencoder", "EccentricLoss", "__version__", "diagnostics", "eccentric_loss"]

# Imported on first use: the estimator needs scikit-learn, which the loss does not need, and PyTorch takes seconds to
# import, before which the command line must handle Ctrl-C (see __main__).
_MODULES = {
    "DeepComponents": "eccentric.components",
    "EccentricAutoencoder": "eccentric.estimator",
    "EccentricLoss": "eccentric.loss",
    "diagnostics": "eccentric.monitoring",
    "eccentric_loss": "eccentric.loss",
}


def __getattr__(name: str) -> Any:
    if name == "theory":
        return importlib.import_module("eccentric.theory")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(importlib.import_module(_MODULES[name]), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "eccentric":
            raise
        raise ImportError(
            f"{name} needs {error.name}, which is not installed; install eccentric with the extra 'train'"
        ) from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "theory"})
