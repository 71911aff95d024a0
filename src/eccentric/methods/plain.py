"""The plain autoencoder: the mean squared error alone."""

from __future__ import annotations

from typing import ClassVar

from eccentric.methods.base import Method


class Plain(Method):
    """No regularizer, the yardstick for all others: the scale and the shape of the latents are left to the networks."""

    name: ClassVar[str] = "plain"
    title: ClassVar[str] = "plain autoencoder"
