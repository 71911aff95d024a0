"""The engine: device, ranks and precision with Lightning Fabric, and compilation of the step."""

from __future__ import annotations

import atexit
import logging
import math
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from eccentric.devices import cpu_can, cpu_has_bfloat16, device_name, find_device
from eccentric.errors import UsageError
from eccentric.kernels import one_pass
from eccentric.training.memory import keep_freed_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Shaped
    from lightning_fabric import Fabric
    from torch import Tensor

    from eccentric.models import Autoencoder
    from eccentric.training.config import TrainConfig

# Floating-point operations of a training above which compiling the networks saves time. `python -m benchmarks.training`
# measures it: on a CPU without AMX, a compiled step takes as long as an uncompiled one. On a CPU with AMX it took 0.7
# times as long, after half a minute of compilation. It was not measured on GPUs.
COMPILING_PAYS = {"amx": 3e13, "cuda": 2e15}


@dataclass(frozen=True)
class Engine:
    """Device, precision and compilation of a training, with every "auto" of the configuration resolved."""

    fabric: Fabric
    precision: str
    """Fabric's name: "32-true" or "bf16-mixed"."""
    compile: bool
    """Whether the networks are compiled with torch.compile."""
    graph: bool
    """Whether the whole step is replayed as a CUDA graph."""
    images: bool = False
    """Whether the items are images."""
    notes: tuple[str, ...] = ()
    """Notes for the user, one sentence each."""

    def describe(self) -> dict[str, Any]:
        """Entries for config.json."""
        return {
            "device": device_name(self.fabric.device),
            "engine": {
                "precision": self.precision,
                "compile": self.compile,
                "graph": self.graph,
                "ranks": self.fabric.world_size,
            },
        }


def first_rank() -> bool:
    """Whether this process writes and prints. It is known before the ranks are connected."""
    slurm = "0" if os.environ.get("SLURM_STEP_ID", "batch") == "batch" else os.environ.get("SLURM_PROCID", "0")
    return os.environ.get("RANK", slurm) == "0"


def work_of(model: Autoencoder, x: Shaped[Tensor, "n ..."]) -> float:
    """Floating-point operations of training on one item, forward and backward, counted on the first item of x."""
    from torch.utils.flop_counter import FlopCounterMode

    model.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(x[:1].to(next(model.parameters()).device))
    return 3.0 * counter.get_total_flops()  # backward: the gradients of inputs and of weights


def start(
    config: TrainConfig, work: float, *, images: bool = False, loggers: Sequence[Any] = (), ranks: bool = True
) -> Engine:
    """Start Fabric on the device and, under torchrun or SLURM, join the other ranks.

    Args:
        config: settings of device, precision and compilation.
        work: floating-point operations of the whole training, from which "auto" decides whether to compile.
        images: whether the data are images, of eight bits, for which "auto" takes bfloat16 where the hardware has it.
            Tables have more digits to lose, and small networks, for which it is not faster.
        loggers: loggers for Fabric.
        ranks: whether to connect to the other ranks launched by torchrun or srun.

    Raises:
        UsageError: the device does not exist on this machine, or does not support the settings.
    """
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments.lightning import LightningEnvironment

    device = find_device(config.device)
    precision = config.precision if config.precision != "auto" else _best_precision(device, images)
    nodes, local_ranks = _launched_ranks() if ranks else (1, 1)
    alone = nodes * local_ranks == 1
    # config.json records the information of this warning
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    fabric = Fabric(
        accelerator=device.type,
        devices=local_ranks if not alone or device.index is None or device.type == "cpu" else [device.index],
        num_nodes=nodes,
        strategy="auto" if alone else "ddp",
        plugins=[LightningEnvironment()] if alone else None,  # otherwise Fabric would search for a cluster environment
        precision=precision,  # type: ignore[arg-type]
        loggers=list(loggers),
    )
    fabric.launch()
    if not alone:
        atexit.register(_leave_ranks)
    if device.type == "cpu" and images:
        keep_freed_memory()
    notes = []
    compiled = config.compile == "on" or (config.compile == "auto" and work > _compiling_pays_from(device))
    if compiled and not _has_compiler(device):
        if config.compile == "on":
            raise UsageError(
                "compile is on, but there is no C++ compiler on this machine; install g++, or leave compile out"
            )
        notes.append(
            "training is not compiled, because there is no C++ compiler on this machine; install g++ for "
            "faster training"
        )
        compiled = False
    return Engine(
        fabric=fabric,
        precision=precision,
        compile=compiled,
        graph=device.type == "cuda" and config.compile != "off" and fabric.world_size == 1,
        images=images,
        notes=tuple(notes),
    )


def _leave_ranks() -> None:
    """Leave the process group. Otherwise Gloo's threads sometimes abort a process at exit, and torchrun kills the other
    ranks.
    """
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _launched_ranks() -> tuple[int, int]:
    """Numbers of nodes and of ranks per node, as launched by torchrun or srun."""
    from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
    from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment

    if TorchElasticEnvironment.detect():
        world, local = int(os.environ["WORLD_SIZE"]), int(os.environ["LOCAL_WORLD_SIZE"])
        return world // local, local
    # A batch script has SLURM's variables, too; only processes started by srun are ranks.
    if os.environ.get("SLURM_STEP_ID", "batch") == "batch":
        return 1, 1
    try:
        found = SLURMEnvironment.detect()
    except RuntimeError as error:
        raise UsageError(f"SLURM's variables are inconsistent ({str(error).splitlines()[0]})") from None
    if not found:
        return 1, 1
    nodes = int(os.environ.get("SLURM_NNODES", 1))
    return nodes, int(os.environ["SLURM_NTASKS"]) // nodes


def _best_precision(device: torch.device, images: bool) -> str:
    if not images:
        bfloat16 = False
    elif device.type == "cuda":
        bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        bfloat16 = device.type == "cpu" and cpu_has_bfloat16()
    return "bf16-mixed" if bfloat16 else "32-true"


def _compiling_pays_from(device: torch.device) -> float:
    kind = "amx" if device.type == "cpu" and cpu_can("amx_bf16") else device.type
    return COMPILING_PAYS.get(kind, math.inf)


def _has_compiler(device: torch.device) -> bool:
    if device.type == "cuda":
        return one_pass.has_triton()  # torch.compile also needs this
    return any(shutil.which(name) for name in (os.environ.get("CXX", "g++"), "clang++"))
