"""The README's and docs' figures for the loss: `python -m benchmarks.loss`, the same as `eccentric bench loss`.

Writes docs/images/loss-growth.png and docs/loss-bench.json beside the table it prints. Leave the machine alone while
it runs.
"""

from __future__ import annotations

import sys

from eccentric.__main__ import main

if __name__ == "__main__":
    outputs = ["--json", "docs/loss-bench.json", "--plot", "docs/images/loss-growth.png"]
    sys.argv = ["eccentric", "bench", "loss", *outputs, *sys.argv[1:]]
    main()
