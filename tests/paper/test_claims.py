"""Verdicts on the paper's claims, from numbers made up to bear them out, to contradict them, or to leave them open."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from eccentric.paper import Scale
from eccentric.paper.agreement import figure_6
from eccentric.paper.results import Result
from eccentric.paper.sampling import no_effect_of_mu
from eccentric.paper.scale import Spec
from eccentric.paper.spectra import figure_5

CLOSE = 1e-3


def store(face_dim: int, runs: int, run: Callable[[Spec], SimpleNamespace]) -> Any:
    return SimpleNamespace(face_dim=face_dim, scale=Scale(runs=runs), run=run)


def verdict(result: Result, words: str) -> bool | None:
    [claim] = [claim for claim in result.claims if words in claim.text]
    return claim.holds


def spectra(evenness: dict[tuple[float, float], float], noise: float) -> Result:
    """Figure 5 from linear spectra with trace d; `evenness` is how far they fall from 1, the same but for noise."""

    def run(spec: Spec) -> SimpleNamespace:
        slope = evenness[spec.weight, spec.mu] + noise * spec.seed
        return SimpleNamespace(components=SimpleNamespace(eigenvalues=1 + slope * torch.linspace(1, -1, 8)))

    return figure_5(store(8, 3, run))


LOW, HIGH = 1e-4, 1e-3


@pytest.mark.parametrize(
    ("evenness", "noise", "weight", "mu"),
    [
        # As the paper has it, then with the effect of mu the larger, or reversed; with the effect of lambda reversed,
        # however small that of mu; and with runs that differ more than settings.
        ({(LOW, 1): 0.9, (LOW, 64.5): 0.8, (HIGH, 1): 0.5, (HIGH, 64.5): 0.4}, CLOSE, True, True),
        ({(LOW, 1): 0.9, (LOW, 64.5): 0.5, (HIGH, 1): 0.8, (HIGH, 64.5): 0.4}, CLOSE, True, False),
        ({(LOW, 1): 0.8, (LOW, 64.5): 0.9, (HIGH, 1): 0.5, (HIGH, 64.5): 0.6}, CLOSE, True, False),
        ({(LOW, 1): 0.7, (LOW, 64.5): 0.6, (HIGH, 1): 0.9, (HIGH, 64.5): 0.5}, CLOSE, False, False),
        ({(LOW, 1): 0.9, (LOW, 64.5): 0.8, (HIGH, 1): 0.5, (HIGH, 64.5): 0.4}, -0.4, None, None),
    ],
)
def test_spectra_become_more_uniform(evenness, noise, weight, mu):
    result = spectra(evenness, noise)
    assert verdict(result, "as λ increases") is weight
    assert verdict(result, "as μ increases") is mu


@pytest.mark.parametrize(("noise", "expected"), [(CLOSE, True), (0.08, False)])
def test_spectra_of_runs_are_the_same_only_where_those_of_settings_are_not(noise, expected):
    result = spectra({(LOW, 1): 0.6, (LOW, 64.5): 0.55, (HIGH, 1): 0.5, (HIGH, 64.5): 0.45}, noise)
    assert verdict(result, "almost exactly the same") is expected


def correlated(noise: dict[float, float], runs: int) -> Result:
    """Figure 6 from runs that are a common encoding and noise."""

    def latents(spec: Spec, split: str) -> SimpleNamespace:
        common = torch.randn(500, 6, generator=torch.Generator().manual_seed(len(split)))
        own = torch.randn(500, 6, generator=torch.Generator().manual_seed(100 + spec.seed + len(split)))
        signs = torch.tensor([1, -1])[torch.arange(6) % 2] ** spec.seed
        scale = torch.linspace(2, 1, 6)
        return SimpleNamespace(p=(scale * signs * (common + noise[spec.weight] * own)).double().numpy())

    def run(spec: Spec) -> SimpleNamespace:
        return SimpleNamespace(latents=lambda split: latents(spec, split))

    return figure_6(store(6, runs, run))


@pytest.mark.parametrize(
    ("noise", "runs", "expected"),
    [({LOW: 0.3, HIGH: 1.5}, 3, True), ({LOW: 1.5, HIGH: 0.3}, 3, False), ({LOW: 0.3, HIGH: 1.5}, 2, None)],
)
def test_concentration_is_judged_by_the_spread_over_pairs_of_runs(noise, runs, expected):
    result = correlated(noise, runs)
    assert verdict(result, "more concentrated") is expected
    assert verdict(result, "from negative to positive") is True


@pytest.mark.parametrize(
    ("apart", "spread", "runs", "expected"), [(0.1, 1.0, 4, True), (8.0, 1.0, 4, False), (8.0, 1.0, 1, None)]
)
def test_mu_makes_a_significant_difference_or_not(apart, spread, runs, expected):
    values = [[100 + k * apart + spread * (-1) ** j for j in range(runs)] for k in range(2)]
    distances = {
        (weight, mu): {"standard": values[k], "matched": values[0]}
        for weight in (LOW, HIGH)
        for k, mu in enumerate((1.0, 64.5))
    }
    assert no_effect_of_mu(distances).holds is expected
