"""The adapters against the packages that they are for, where these are installed."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from torch import nn

from eccentric import EccentricLoss, eccentric_loss
from eccentric.two_views import TwoViewLoss

WEIGHT = 0.01


def lightning() -> Any:
    return pytest.importorskip("pytorch_lightning", reason="Lightning is not installed")


def batches() -> torch.Tensor:
    return torch.randn(3, 10, 5, generator=torch.Generator().manual_seed(0))


def module(as_dict: bool = False, views: int = 1, **changes: Any) -> Any:
    torch.manual_seed(0)

    class Autoencoder(lightning().LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.decoder = nn.Linear(5, 3), nn.Linear(3, 5)

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            loss = sum(
                (self.decoder(self.encoder(view * x)) - x).square().mean()
                for x in batch
                for view in range(1, 1 + views)
            )
            return {"loss": loss} if as_dict else loss

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), 0.1)

    model = Autoencoder()
    for name, value in changes.items():
        setattr(model, name, value)
    return model


def fit(model: Any, callback: Any, **options: Any) -> Any:
    trainer = lightning().Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        callbacks=[callback],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
        **options,
    )
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(batches()), batch_size=None)
    trainer.fit(model, data)
    return trainer


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("as_dict", "views"), [(False, 1), (True, 2)])
def test_lightning_trains_as_by_hand(as_dict, views):
    lightning()
    from eccentric.adapters.lightning import EccentricCallback

    model = module(as_dict, views)
    twin = module()
    optimizer = torch.optim.SGD(twin.parameters(), 0.1)
    for x in batches():
        latents = [twin.encoder(view * x) for view in range(1, 1 + views)]
        loss = sum((twin.decoder(z) - x).square().mean() for z in latents)
        loss = loss + WEIGHT * sum(eccentric_loss(z) for z in latents) / views
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    trainer = fit(model, EccentricCallback("encoder", WEIGHT))
    for one, other in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(one, other)
    assert {"eccentric_loss", "latents/trace", "latents/effective_rank"} <= set(trainer.logged_metrics)
    assert model.training_step.__func__ is type(model).training_step  # as it was
    assert not model.encoder._forward_hooks


@pytest.mark.filterwarnings("ignore")
def test_lightning_errors():
    lightning()
    from eccentric.adapters.lightning import EccentricCallback

    with pytest.raises(ValueError, match="no submodule 'coder'; it has encoder, decoder"):
        fit(module(), EccentricCallback("coder"))
    with pytest.raises(RuntimeError, match="automatic optimization"):
        fit(module(automatic_optimization=False), EccentricCallback("encoder"))
    with pytest.raises(RuntimeError, match="did not call the submodule 'spare'"):
        fit(module(spare=nn.Linear(1, 1)), EccentricCallback("spare"))
    with pytest.raises(ValueError, match="mu"):
        EccentricCallback("encoder", mu=0.1)


def test_pytorch_metric_learning():
    losses = pytest.importorskip("pytorch_metric_learning.losses", reason="pytorch-metric-learning is not installed")
    from eccentric.adapters.metric_learning import MetricEccentricLoss

    z, labels = torch.randn(12, 4), torch.arange(12) % 3
    contrast = losses.ContrastiveLoss()
    truth = contrast(z, labels) + WEIGHT * eccentric_loss(z)
    regularized = losses.ContrastiveLoss(embedding_regularizer=EccentricLoss(), embedding_reg_weight=WEIGHT)
    torch.testing.assert_close(regularized(z, labels), truth)
    several = losses.MultipleLosses([contrast, MetricEccentricLoss()], weights=[1, WEIGHT])
    torch.testing.assert_close(several(z, labels), truth)
    base = inspect.signature(losses.BaseMetricLossFunction.forward)
    assert list(inspect.signature(MetricEccentricLoss.forward).parameters) == list(base.parameters)


def test_lightly():
    try:
        from lightly.loss import VICRegLoss
    except Exception as error:  # its torchvision may fail to import beside this build of PyTorch
        pytest.skip(f"lightly is not installed, or does not import: {error}")
    a, b = torch.randn(2, 12, 4)
    # lightly halves the sum of the variance terms of both views, but not that of their covariance terms.
    theirs, ours = VICRegLoss(mu_param=50), TwoViewLoss(2 / 25, "vicreg")
    torch.testing.assert_close(25 * ours(a, b), theirs(a, b))
    parameters = [list(inspect.signature(type(loss).forward).parameters) for loss in (theirs, ours)]
    assert len(parameters[0]) == len(parameters[1])  # both are called by position

    # A training loop as in lightly's examples.
    from lightly.models.modules.heads import VICRegProjectionHead

    torch.manual_seed(0)
    backbone, head = nn.Sequential(nn.Linear(6, 16), nn.ReLU()), VICRegProjectionHead(16, 16, 8, num_layers=2)
    optimizer = torch.optim.SGD([*backbone.parameters(), *head.parameters()], 0.1)
    criterion, x = TwoViewLoss(weight=0.1), torch.randn(64, 6)
    values = []
    for _ in range(20):
        loss = criterion(*(head(backbone(x + 0.1 * torch.randn_like(x))) for _ in range(2)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    assert values[-1] < values[0]
