"""Two ranks give the gradient of one process with the whole batch, for each way to look beyond one's own."""

from __future__ import annotations

import multiprocessing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor

from eccentric.methods import Method, make_method
from eccentric.methods.vq_vae import VQVAE
from tests.methods.checking import pair

if TYPE_CHECKING:
    from pathlib import Path

SHARDS = (20, 12)
CASES: dict[str, dict[str, Any]] = {
    "vae": {},  # the variance of the calibrated decoder
    "wae-mmd": {"weight": 0.5},  # a union, and random numbers that all ranks share
    "wae-gan": {"weight": 0.5, "hidden": 8},  # parameters of the method
    "rae-l2": {"weight": 0.5, "decoder_weight": 0.1},  # a term of the weights
    "uncertainty-autoencoder": {},  # a statistic of the batch in the forward pass
    "sigreg": {"slices": 20},  # random directions that all ranks share
    "projected-mhe": {"projection": "learnt", "dimensions": 2},  # pairs of the union, and parameters of the method
    "evenness": {"weight": 0.5},  # a covariance of the union
    "koleo": {"weight": 0.5},  # neighbours in the union
    "vq-vae": {"codes": 4, "tokens": 2},  # moving averages of all items
    "nested-dropout": {"full": 1.0},  # a running mean of the latents
}


def rows() -> Tensor:
    return torch.randn(sum(SHARDS), 12, generator=torch.Generator().manual_seed(0)).double()


def gradient(method: Method, x: Tensor, noise: Tensor, share: float, ranks: int) -> Tensor:
    """Gradients of encoder, decoder and method, as the training step makes them, averaged over ranks."""
    encoder, decoder = pair(dim=method.encoder_width)
    decoder = pair(dim=method.decoder_width)[1]
    networks = [module.double() for module in (encoder, decoder, method)]
    with pytest.MonkeyPatch.context() as patch:
        # The same numbers for the same items, on whichever rank.
        patch.setattr(torch, "randn_like", lambda z: noise[: len(z)] if len(z) == len(noise) else whole(z))
        outputs = method(encoder, decoder, x)
        loss = share * (outputs.reconstruction - x).square().mean()
        for value, weight, over in method.terms(outputs, x, encoder, decoder).values():
            loss = loss + weight * (share * value if over == "items" else value)
    for module in networks:
        module.zero_grad()
    loss.backward()
    method.after_step()
    flat = torch.cat([p.grad.flatten() for module in networks for p in module.parameters() if p.grad is not None])
    if ranks > 1:
        dist.all_reduce(flat)
    return flat / ranks


def whole(z: Tensor) -> Tensor:
    return torch.randn(z.shape, generator=torch.Generator().manual_seed(1), dtype=z.dtype)


def build(name: str) -> Method:
    torch.manual_seed(0)
    method = make_method(name, CASES[name], 3)
    if isinstance(method, VQVAE):  # past the first step, in which its codes are put onto random items
        method.counts.fill_(5)
        method.sums.copy_(5 * method.codebook)
    return method


def work(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2, timeout=timedelta(seconds=60)
    )
    start = sum(SHARDS[:rank])
    own = slice(start, start + SHARDS[rank])
    found = {}
    for name in CASES:
        method = build(name)
        method.sync = True
        x = rows()
        noise = whole(x[:, :3])[own]
        share = 2 * SHARDS[rank] / sum(SHARDS)
        found[name] = gradient(method, x[own], noise, share, 2), {k: v.clone() for k, v in method.state_dict().items()}
    torch.save(found, folder / f"{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def two_ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, tuple[Tensor, dict[str, Tensor]]]]:
    folder = tmp_path_factory.mktemp("ranks")
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=work, args=(rank, folder)) for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@pytest.mark.parametrize("name", CASES)
def test_gradients_and_buffers(name, two_ranks):
    method = build(name)
    x = rows()
    expected = gradient(method, x, whole(x[:, :3]), 1, 1)
    for found, buffers in (rank[name] for rank in two_ranks):
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-8)
        for key, value in method.state_dict().items():
            torch.testing.assert_close(buffers[key], value)
