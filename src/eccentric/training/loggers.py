"""Loggers in addition to metrics.csv, by name: TensorBoard and those of Lightning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eccentric.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LIGHTNING = {"mlflow": "MLFlowLogger", "wandb": "WandbLogger"}
RUN_NAME = {"mlflow": "run_name", "wandb": "name"}
NAMES = ("tensorboard", *LIGHTNING)


def find_loggers(names: Iterable[str], folder: Path) -> list[Any]:
    """Loggers for Fabric; those that write files do so in `folder`/logs.

    Raises:
        UsageError: a name is unknown, or its package is not installed.
    """
    return [_find(name, folder / "logs", folder.name) for name in names]


def _find(name: str, folder: Path, run: str) -> Any:
    if name not in NAMES:
        raise UsageError(f"unknown logger {name!r}; choose one of {', '.join(NAMES)} (metrics.csv is always written)")
    try:
        if name == "tensorboard":
            from lightning_fabric.loggers.tensorboard import TensorBoardLogger

            return TensorBoardLogger(folder.parent, name="logs", version="")
        from lightning import pytorch

        return getattr(pytorch.loggers, LIGHTNING[name])(**{RUN_NAME[name]: run, "save_dir": str(folder)})
    except ModuleNotFoundError as error:
        packages = "tensorboard" if name == "tensorboard" else f"lightning and {name}"
        raise UsageError(f"logger {name} needs a package that is not installed ({error}); install {packages}") from None
