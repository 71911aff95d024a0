"""A callback for Lightning that adds the loss to the objective returned by `training_step`."""

from __future__ import annotations

import functools
import importlib
import sys
from typing import TYPE_CHECKING, Any

import torch

from eccentric.loss import EccentricLoss
from eccentric.monitoring import diagnostics

if TYPE_CHECKING:
    from eccentric.kernels.constant import KernelConstant

__all__ = ["EccentricCallback"]


def _callback_class() -> Any:
    """The base class of callbacks, from the package of Lightning that the user has imported, otherwise installed."""
    packages = ("lightning.pytorch", "pytorch_lightning")
    for name in [*(name for name in packages if name in sys.modules), *packages]:
        try:
            return importlib.import_module(name).Callback
        except ModuleNotFoundError:
            continue
    raise ImportError("EccentricCallback needs Lightning; install the package lightning or pytorch-lightning")


_Callback: Any = _callback_class()


class EccentricCallback(_Callback):
    """Add weight * EccentricLoss()(latents) to the objective of a LightningModule with automatic optimization.

        Trainer(callbacks=[EccentricCallback("encoder", weight=0.001)])

    The latents are the outputs of a submodule during `training_step`. If it is called several times, such as for two
    views, the mean of the losses is added. With several devices, the loss is that of the union batch. Precision
    plugins and gradient accumulation see the whole objective.

    Logs `eccentric_loss` in each step, and `eccentric.diagnostics` of the latents as `latents/...` every
    `trainer.log_every_n_steps` steps, both with `LightningModule.log`.

    Args:
        layer: name of the submodule, as in `named_modules()`; its output is (b, d).
        weight: factor of the loss.
        mu, N: as for `EccentricLoss`.

    Raises:
        ValueError: mu or N is out of range, or, at the start of the training, the submodule does not exist.
        RuntimeError: optimization is manual, or `training_step` does not call the submodule.
    """

    def __init__(self, layer: str, weight: float = 0.001, mu: float = 1.0, N: KernelConstant = "paper") -> None:
        super().__init__()
        EccentricLoss(mu, N)
        self.layer, self.weight, self.mu, self.N = layer, weight, mu, N
        self._latents: list[torch.Tensor] | None = None
        self._hook: Any = None

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        if stage != "fit":
            return
        if not pl_module.automatic_optimization:
            raise RuntimeError("EccentricCallback needs automatic optimization; add EccentricLoss to the loss by hand")
        names = [name for name, _ in pl_module.named_modules() if name]
        if self.layer not in names:
            raise ValueError(f"the module has no submodule {self.layer!r}; it has {', '.join(names)}")
        loss = EccentricLoss(self.mu, self.N, sync=trainer.world_size > 1)
        self._hook = pl_module.get_submodule(self.layer).register_forward_hook(self._keep)
        original = pl_module.training_step

        @functools.wraps(original)
        def training_step(*args: Any, **kwargs: Any) -> Any:
            self._latents = []
            try:
                result = original(*args, **kwargs)
                latents = self._latents
            finally:
                self._latents = None
            if result is None:  # Lightning skips this batch
                return None
            if not latents:
                raise RuntimeError(f"training_step did not call the submodule {self.layer!r}; name one that it calls")
            value = torch.stack([loss(z) for z in latents]).mean()
            pl_module.log("eccentric_loss", value.detach())
            if trainer.global_step % trainer.log_every_n_steps == 0:
                found = diagnostics(latents[0], sync=trainer.world_size > 1)
                pl_module.log_dict(found.scalars("latents/"))
            if isinstance(result, dict):
                return {**result, "loss": result["loss"] + self.weight * value}
            return result + self.weight * value

        pl_module.training_step = training_step

    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        if self._hook is not None:
            self._hook.remove()
            self._hook = None
            pl_module.__dict__.pop("training_step", None)  # the attribute of the class remains

    def _keep(self, module: Any, inputs: Any, output: torch.Tensor) -> None:
        if self._latents is not None:
            self._latents.append(output)
