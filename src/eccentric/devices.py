"""The choice of a device, and its name for readers."""

from __future__ import annotations

import platform

import torch

from eccentric.errors import UsageError


def find_device(name: str = "auto") -> torch.device:
    """A torch device by name; "auto" is the accelerator if there is one.

    Raises:
        UsageError: there is no such device here.
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


def device_name(device: torch.device) -> str:
    """What a reader knows it by, with the number of threads where it is the CPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "cpu":
        threads = torch.get_num_threads()
        return f"{platform.machine()} CPU, {threads} thread{'s' if threads > 1 else ''}"
    return device.type
