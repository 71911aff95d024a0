"""The engine: device, ranks and precision by Lightning Fabric, and how the step is compiled."""

from __future__ import annotations

import atexit
import logging
import math
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from eccentric.devices import device_name, find_device
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

# Floating-point operations of a whole training from which on compiling the networks wins back the time it takes, where
# it does. `python -m benchmarks.training` measures it: on a CPU without AMX a compiled step takes as long as before. On
# one with AMX it took 0.7 times as long, after half a minute of compiling. On GPUs it was not measured.
COMPILING_PAYS = {"amx": 3e13, "cuda": 2e15}


@dataclass(frozen=True)
class Engine:
    """What a training runs on, with every "auto" of the configuration settled."""

    fabric: Fabric
    precision: str
    """Fabric's name: "32-true" or "bf16-mixed"."""
    compile: bool
    """Whether torch.compile works on the networks."""
    graph: bool
    """Whether the whole step is replayed as a CUDA graph."""
    images: bool = False
    """Whether the items are images."""
    notes: tuple[str, ...] = ()
    """What the user should know, one sentence each."""

    def describe(self) -> dict[str, Any]:
        """For config.json."""
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
    """Whether this process is the one that writes and prints; known before the ranks have met."""
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
        config: names the device, the precision and whether to compile.
        work: floating-point operations of the whole training, by which "auto" decides whether compiling pays.
        images: whether the data are images, of eight bits, for which "auto" takes bfloat16 where the hardware has it.
            Tables have more digits to lose, and small networks, for which it is not faster.
        loggers: for Fabric.
        ranks: whether to join others that torchrun or srun launched; False stays in this process.

    Raises:
        UsageError: the device, or what is asked of it, is not to be had here.
    """
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments.lightning import LightningEnvironment

    device = find_device(config.device)
    precision = config.precision if config.precision != "auto" else _best_precision(device, images)
    nodes, local_ranks = _launched_ranks() if ranks else (1, 1)
    alone = nodes * local_ranks == 1
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # config.json says what it would
    fabric = Fabric(
        accelerator=device.type,
        devices=local_ranks if not alone or device.index is None or device.type == "cpu" else [device.index],
        num_nodes=nodes,
        strategy="auto" if alone else "ddp",
        plugins=[LightningEnvironment()] if alone else None,  # else it would look for a cluster by itself
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
            raise UsageError("compile is on, but there is no C++ compiler here; install g++, or leave it out")
        notes.append("no C++ compiler on this machine, so training is not compiled; with g++ it would be faster")
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
    """Gloo's threads abort a process that ends without this now and then, and torchrun then kills the other ranks."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _launched_ranks() -> tuple[int, int]:
    """Nodes and ranks a node, as torchrun or srun launched this process."""
    from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
    from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment

    if TorchElasticEnvironment.detect():
        world, local = int(os.environ["WORLD_SIZE"]), int(os.environ["LOCAL_WORLD_SIZE"])
        return world // local, local
    # A batch script has SLURM's variables as well; only what srun started is a rank among others.
    if os.environ.get("SLURM_STEP_ID", "batch") == "batch":
        return 1, 1
    try:
        found = SLURMEnvironment.detect()
    except RuntimeError as error:
        raise UsageError(f"SLURM's variables do not fit together ({str(error).splitlines()[0]})") from None
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
        bfloat16 = device.type == "cpu" and bool(_cpu_can("avx512_bf16") or _cpu_can("amx_bf16"))
    return "bf16-mixed" if bfloat16 else "32-true"


def _compiling_pays_from(device: torch.device) -> float:
    kind = "amx" if device.type == "cpu" and _cpu_can("amx_bf16") else device.type
    return COMPILING_PAYS.get(kind, math.inf)


def _cpu_can(what: str) -> bool:
    if not hasattr(torch.cpu, "get_capabilities"):  # an older PyTorch; then on the safe side
        return False
    return bool(torch.cpu.get_capabilities().get(what))


def _has_compiler(device: torch.device) -> bool:
    if device.type == "cuda":
        return one_pass.has_triton()  # which torch.compile needs as well
    return any(shutil.which(name) for name in (os.environ.get("CXX", "g++"), "clang++"))
