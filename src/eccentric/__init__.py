"""Deep principal components that you can trust: the Eccentric loss and what is built on it."""

from eccentric.components import DeepComponents
from eccentric.loss import EccentricLoss, eccentric_loss

__version__ = "0.1.0"
__all__ = ["DeepComponents", "EccentricLoss", "__version__", "eccentric_loss"]
