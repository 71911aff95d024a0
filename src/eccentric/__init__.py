"""Deep principal components that you can trust: the Eccentric loss and an autoencoder trained with it."""

from typing import TYPE_CHECKING, Any

from eccentric._version import __version__
from eccentric.components import DeepComponents
from eccentric.loss import EccentricLoss, eccentric_loss
from eccentric.monitoring import diagnostics

if TYPE_CHECKING:
    from eccentric.estimator import EccentricAutoencoder

__all__ = ["DeepComponents", "EccentricAutoencoder", "EccentricLoss", "__version__", "diagnostics", "eccentric_loss"]


def __getattr__(name: str) -> Any:
    """Import the estimator on first access: it depends on scikit-learn, which the loss does not need."""
    if name != "EccentricAutoencoder":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from eccentric.estimator import EccentricAutoencoder
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "eccentric":
            raise
        raise ImportError(
            f"EccentricAutoencoder needs {error.name}, which is not installed; install eccentric with the extra 'train'"
        ) from None
    return EccentricAutoencoder
