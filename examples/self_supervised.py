"""Self-supervised training on two views of each image, with the Eccentric loss against collapse.

    python examples/self_supervised.py digits
    python examples/self_supervised.py mnist --weight 0.3 --projector
    python examples/self_supervised.py mnist --regularizer sigreg --weight 0.03

Prints what a linear classifier and the nearest neighbours read off the features, and the features' effective rank.
"""

from __future__ import annotations

import argparse
import sys

from eccentric.errors import EccentricError
from eccentric.two_views import REGULARIZERS
from eccentric.two_views.data import material
from eccentric.two_views.training import FEATURES, Setting, train_and_probe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="digits, mnist, celeba, or any source of labelled images")
    parser.add_argument("--regularizer", choices=list(REGULARIZERS), default="eccentric")
    parser.add_argument("--weight", type=float, default=0.1, help="factor of the regularizer; 0: none (default 0.1)")
    parser.add_argument("--projector", action="store_true", help="compute the loss on the outputs of a projector")
    parser.add_argument("--steps", type=int, default=Setting.steps, help=f"default {Setting.steps}")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    setting = Setting(args.regularizer, args.weight, args.projector, args.seed, args.steps)
    try:
        data = material(args.data)
    except EccentricError as error:
        sys.exit(f"error: {error}")
    found = train_and_probe(setting, data.views, data.train, data.probes, data.others)
    score = "accuracy" if data.probes.targets.ndim == 1 else "area under the ROC curve"
    print(f"linear probe: {score} {100 * found['test']['linear']:.1f} % on the test images")
    print(f"nearest neighbours: {score} {100 * found['test']['neighbours']:.1f} %")
    print(f"effective rank of the features: {found['effective_rank']:.1f} of {FEATURES}")
    print(f"CPU time of a step: {1000 * found['cpu_seconds_per_step']:.0f} ms")


if __name__ == "__main__":
    main()
