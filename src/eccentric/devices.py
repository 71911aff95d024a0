"""Choice and names of devices."""

from __future__ import annotations

import os
import platform

import torch

from eccentric.errors import UsageError


def find_device(name: str = "auto") -> torch.device:
    """A PyTorch device by name; "auto" selects the accelerator if there is one.

    Raises:
        UsageError: the device does not exist on this machine.
    """
    if name == "auto":
        found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
        return found or torch.device("cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"device {name!r} cannot be used ({reason}); choose auto or cpu") from None
    return device


def memory_size() -> int | None:
    """Bytes of main memory of this machine; None on systems that do not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def device_name(device: torch.device) -> str:
    """Name of the hardware; for the CPU with the number of threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "cpu":
        threads = torch.get_num_threads()
        return f"{platform.machine()} CPU, {threads} thread{'s' if threads > 1 else ''}"
    return device.type


def cpu_has_bfloat16() -> bool:
    """Whether the CPU has instructions for bfloat16; without them, bfloat16 is slower than float32."""
    return cpu_can("avx512_bf16") or cpu_can("amx_bf16")


def cpu_can(what: str) -> bool:
    """Whether the CPU has an instruction set, by PyTorch's name for it."""
    if not hasattr(torch.cpu, "get_capabilities"):  # an older PyTorch: assume that it cannot
        return False
    return bool(torch.cpu.get_capabilities().get(what))
