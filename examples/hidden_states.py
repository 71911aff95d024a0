"""Whether the Eccentric loss keeps the rank of a recurrent network's hidden states: a small character model.

    python examples/hidden_states.py --seeds 5

The text is the help on Python's syntax that the standard library bundles (`pydoc_data.topics`), lower-cased. A GRU
reads it and predicts the next character. With the loss, every hidden state of a batch (sequences times steps) is an
item: `eccentric_loss(states, pairs=8)` compares each state with 8 others in place of all, so that the cost grows with
the number of states and not with its square.

Printed for each weight, as mean and standard deviation over the seeds: the perplexity of held-out text, the effective
rank of the hidden states there (see `eccentric.diagnostics`), and the trace of their covariance.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from eccentric import diagnostics, eccentric_loss

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

STATES, EMBEDDING, LENGTH, BATCH, PAIRS = 64, 16, 50, 16, 8
RATE = 0.003
WEIGHTS = (0.0, 0.001, 0.01, 0.1)


class CharacterModel(nn.Module):
    """Characters -> hidden states (b, t, states) and logits of the next characters (b, t, characters)."""

    def __init__(self, characters: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(characters, EMBEDDING)
        self.gru = nn.GRU(EMBEDDING, STATES, batch_first=True)
        self.logits = nn.Linear(STATES, characters)

    def forward(self, characters: Tensor) -> tuple[Tensor, Tensor]:
        states = self.gru(self.embedding(characters))[0]
        return states, self.logits(states)


def read_text() -> Tensor:
    """The text as numbers of its characters."""
    from pydoc_data.topics import topics

    text = "\n".join(topics[name] for name in sorted(topics)).lower()
    place = {character: number for number, character in enumerate(sorted(set(text)))}
    return torch.tensor([place[character] for character in text])


def windows(text: Tensor, steps: int, seed: int) -> Iterator[Tensor]:
    """Random batches (BATCH, LENGTH + 1) of the text."""
    random = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        starts = torch.randint(len(text) - LENGTH, (BATCH,), generator=random)
        yield text[starts[:, None] + torch.arange(LENGTH + 1)]


def train(text: Tensor, weight: float, steps: int, seed: int) -> CharacterModel:
    torch.manual_seed(seed)
    model = CharacterModel(int(text.max()) + 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    for batch in windows(text, steps, seed):
        states, logits = model(batch[:, :-1])
        loss = cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
        if weight:
            loss = loss + weight * eccentric_loss(states.flatten(0, 1), pairs=PAIRS)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


@torch.no_grad()
def judge(model: CharacterModel, text: Tensor) -> dict[str, float]:
    """Perplexity, and rank and trace of the states, on consecutive windows without their first ten steps."""
    rows = text[: len(text) // (LENGTH + 1) * (LENGTH + 1)].view(-1, LENGTH + 1)
    states, logits = model(rows[:, :-1])
    error = cross_entropy(logits[:, 10:].flatten(0, 1), rows[:, 11:].flatten())
    found = diagnostics(states[:, 10:].flatten(0, 1))
    return {"perplexity": math.exp(error), "rank": float(found.effective_rank), "trace": float(found.trace)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--weights", type=float, nargs="+", default=WEIGHTS)
    parser.add_argument("--out", type=Path, help="JSON file of finished trainings, which are not repeated")
    arguments = parser.parse_args()
    text = read_text()
    if not len(text):
        raise SystemExit("this Python has no bundled help; install its documentation topics")
    held_out = len(text) // 10
    done = json.loads(arguments.out.read_text()) if arguments.out and arguments.out.exists() else {}
    print(f"{len(text):,} characters, {STATES} hidden states, {arguments.steps} steps of {BATCH} x {LENGTH}")
    print("| weight | perplexity | effective rank | trace |\n|---|---|---|---|")
    for weight in arguments.weights:
        found = []
        for seed in range(arguments.seeds):
            key = f"{weight:g} {seed} {arguments.steps}"
            if key not in done:
                done[key] = judge(train(text[:-held_out], weight, arguments.steps, seed), text[-held_out:])
                if arguments.out:
                    arguments.out.write_text(json.dumps(done, indent=1))
            found.append(done[key])
        cells = []
        for name in ("perplexity", "rank", "trace"):
            values = np.array([one[name] for one in found])
            spread = f" ± {values.std(ddof=1):.2f}" if len(values) > 1 else ""
            cells.append(f"{values.mean():.2f}{spread}")
        print(f"| {weight:g} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
