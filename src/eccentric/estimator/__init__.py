"""A scikit-learn transformer for nonlinear PCA that measures the stability of its components.

>>> from sklearn.datasets import load_wine
>>> from eccentric import EccentricAutoencoder
>>> wine = load_wine().data
>>> model = EccentricAutoencoder(n_components=6, max_epochs=2, random_state=0)
>>> model.fit_transform(wine).shape
(178, 6)
"""

from eccentric.estimator.transformer import EccentricAutoencoder

__all__ = ["EccentricAutoencoder"]
