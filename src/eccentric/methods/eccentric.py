"""Eccentric regularization (Li and Blair 2021): `eccentric.loss` on the latents."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from eccentric.errors import UsageError
from eccentric.loss import EccentricLoss, eccentric_loss
from eccentric.methods.base import Method, Outputs, Term
from eccentric.settings import setting
from eccentric.theory import kernel_constant

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor, nn


ESTIMATOR_WEIGHT = 0.003  # suited to errors of standardised columns, which are larger than those of pixels from 0 to 1


@dataclass(frozen=True)
class EccentricSettings:
    """Settings of the Eccentric loss; the defaults are the paper's for MNIST (A.5)."""

    weight: float = setting(
        0.001, "Factor of the Eccentric loss (lambda); smaller factors allow larger differences between the variances."
    )
    mu: float = setting(1.0, "Strength of the repulsion.")
    N: float | Literal["paper", "exact"] = setting("paper", "Kernel constant: paper, exact, or a positive number.")

    def __post_init__(self) -> None:
        if not 0 <= self.weight < math.inf:
            raise UsageError(f"weight must be zero or a positive number, not {self.weight}")
        try:
            EccentricLoss(self.mu, self.N)
        except ValueError as error:
            raise UsageError(str(error)) from None


class Eccentric(Method):
    """Repels every pair of latents and pulls each to the origin: equation (1) of the paper, on the union batch."""

    name: ClassVar[str] = "eccentric"
    title: ClassVar[str] = "Eccentric regularization"
    Settings: ClassVar[type[Any]] = EccentricSettings
    term_titles: ClassVar[dict[str, str]] = {"eccentric": "Eccentric loss"}
    published: ClassVar[str] = (
        "FID 49.4 matched, 54.6 standard (CelebA, weight 1e-4; Table 1); error of nearest neighbours 9.5 / 3.7 / 2.4 / "
        "2.0 % at 100 / 1000 / 10,000 / 60,000 labels (MNIST, d = 8; Table 3; both Li & Blair 2021)"
    )

    @classmethod
    def check(cls, settings: EccentricSettings, dim: int) -> None:
        if dim == 1 and isinstance(settings.N, str):
            raise UsageError("dim 1 has no formula for the kernel constant; give N as a number, or use more dimensions")

    @classmethod
    def estimator_settings(cls, given: dict[str, Any], dim: int) -> dict[str, Any]:
        settings = {"weight": ESTIMATOR_WEIGHT, **given}
        if dim == 1:  # the paper's formula for N has no value for d = 1, but Theorem 1 does
            mu = settings.get("mu", EccentricSettings.mu)
            settings.setdefault("N", float(kernel_constant(1, mu, method="exact")))
        return settings

    def terms(
        self, outputs: Outputs, x: Float[Tensor, "b ..."], encoder: nn.Module, decoder: nn.Module
    ) -> dict[str, Term]:
        s = self.settings
        return {"eccentric": Term(eccentric_loss(outputs.z, s.mu, s.N, sync=self.sync), s.weight, over="union")}

    @classmethod
    def objective(cls, settings: EccentricSettings) -> str:
        return f"mean squared error + {settings.weight:g} × Eccentric loss (mu = {settings.mu:g}, N = {settings.N})"

    @classmethod
    def about_spectrum(cls, settings: EccentricSettings) -> str:
        if isinstance(settings.N, str):
            return f"The Eccentric loss aims at a trace of d; its weight was {settings.weight:g}."
        return f"With N = {settings.N:g} the Eccentric loss does not aim at a trace of d."
