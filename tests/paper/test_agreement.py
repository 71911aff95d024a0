"""Agreement of two runs in Table 2."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from eccentric.paper.agreement import ANCHORED, pair_similarities, principal_and_anchored


def even_run(z, rotation):
    """A run with the latents z, rotated: their variances are equal, so any axes are principal."""
    p = (z @ rotation).astype(np.float32)
    splits = {"train": p[:400], "test": p[400:]}
    return SimpleNamespace(latents=lambda split: SimpleNamespace(p=splits[split]))


def test_anchored_axes_undo_a_rotation_that_no_principal_axes_can():
    rng = np.random.default_rng(0)
    z = np.linalg.qr(rng.standard_normal((500, 6)))[0] * np.sqrt(500)
    turned = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    anchors = torch.from_numpy(z[:400] * np.arange(6, 0, -1))

    first, second = (principal_and_anchored(even_run(z, each), anchors) for each in (np.eye(6), turned))
    found = pair_similarities(first, second)

    assert found[ANCHORED].cosine == pytest.approx(1, abs=1e-6)
    assert found["assignment"].cosine < 0.9
