"""The plain autoencoder: the mean squared error alone."""

from __future__ import annotations

from typing import ClassVar

from eccentric.methods.base import Method


class Plain(Method):
    """No regularizer, as a baseline for the other methods: nothing determines scale and shape of the latents."""

    name: ClassVar[str] = "plain"
    title: ClassVar[str] = "plain autoencoder"
