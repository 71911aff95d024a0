from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
import torch
from eccentric.training.memory import keep_freed_memory

if sys.argv[1] == "kept":
    keep_freed_memory()
    list(range(10**5))  # small blocks make the heap grow, by what is kept

def step():
    [torch.ones(3_000_000) for _ in range(8)]  # 96 MB, freed at the end

step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's allocator alone is spoken to")
def test_the_memory_of_a_step_is_there_for_the_next():
    def faults(how: str) -> int:
        return int(subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, check=True).stdout)

    # A hundredth of it, or, where the system hands out huge pages, a ninth.
    assert faults("kept") < 0.5 * faults("left")
