from __future__ import annotations

import hashlib
import pickle
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn

from eccentric.errors import EccentricError, UsageError
from eccentric.evaluation.extractors import Extractor, inception

IMAGES = torch.randint(0, 256, (70, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


class Means(nn.Module):
    """Brightness by rows, and a layer that acts in evaluation mode only as it should."""

    def __init__(self) -> None:
        super().__init__()
        self.normalize = nn.BatchNorm1d(8, affine=True)
        self.seen: list[int] = []

    def forward(self, x):
        self.seen.append(len(x))
        return self.normalize(x.float().mean((1, 3)))


def test_features_come_batch_by_batch_in_evaluation_mode():
    network = Means().train()
    features = Extractor("means", "brightness of rows", network, batch=30)(IMAGES)
    assert network.seen == [30, 30, 10]
    assert not features.requires_grad
    torch.testing.assert_close(features, IMAGES.float().mean((1, 3)) / (1 + 1e-5) ** 0.5)


@pytest.mark.parametrize("x", [IMAGES.float(), IMAGES[0], torch.zeros(4, 3)])
def test_only_uint8_images(x):
    with pytest.raises(UsageError, match="fidelity is measured on uint8 images"):
        Extractor("means", "", Means())(x)


# --- Inception: torch-fidelity is not needed here, its interface is stood in for --------------------------------------


class Port(nn.Module):
    """Stands in for torch-fidelity's network: the same arguments, and it wants three channels of uint8."""

    def __init__(self, name: str, features: list[str], feature_extractor_weights_path: str | None = None) -> None:
        super().__init__()
        assert (name, features) == ("inception-v3-compat", ["2048"])
        self.fc = nn.Linear(3, 2048)
        if feature_extractor_weights_path is None:
            raise OSError("no network")
        self.load_state_dict(torch.load(feature_extractor_weights_path))

    def forward(self, x):
        assert x.dtype == torch.uint8
        assert x.shape[1] == 3
        return (self.fc(x.float().mean((2, 3))),)


@pytest.fixture
def _port(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("torch_fidelity.feature_extractor_inceptionv3")
    module.FeatureExtractorInceptionV3 = Port  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch_fidelity", ModuleType("torch_fidelity"))
    monkeypatch.setitem(sys.modules, "torch_fidelity.feature_extractor_inceptionv3", module)


@pytest.mark.usefixtures("_port")
def test_inception_with_given_weights(tmp_path: Path):
    torch.save(nn.Linear(3, 2048).state_dict() | {}, tmp_path / "linear.pth")
    weights = {f"fc.{name}": value for name, value in torch.load(tmp_path / "linear.pth").items()}
    torch.save(weights, tmp_path / "weights.pth")
    extractor = inception(tmp_path / "weights.pth")
    checksum = hashlib.sha256((tmp_path / "weights.pth").read_bytes()).hexdigest()[:8]
    assert f"Inception v3 (torch-fidelity's port, weights.pth with SHA-256 {checksum})" in extractor.protocol
    grey = IMAGES.float().mean((1, 2, 3))[:, None].expand(-1, 3)
    torch.testing.assert_close(extractor(IMAGES), grey @ weights["fc.weight"].T + weights["fc.bias"])


class Runs:
    """Unpickled, it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.usefixtures("_port")
def test_weights_that_would_run_code_are_refused(tmp_path: Path):
    torch.save({"fc.weight": Runs(tmp_path / "ran")}, tmp_path / "weights.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Runs(tmp_path / "ran"), protocol=2))
    for name in ("weights.pth", "plain.pth"):
        with pytest.raises(EccentricError, match=f"cannot read .*{name} as a file of weights"):
            inception(tmp_path / name)
    assert not (tmp_path / "ran").exists()


@pytest.mark.usefixtures("_port")
def test_weights_that_do_not_fit_or_are_not_there(tmp_path: Path):
    torch.save({"other": torch.zeros(2)}, tmp_path / "weights.pth")
    with pytest.raises(EccentricError, match=r"cannot be read from .*weights\.pth .*--fid-weights"):
        inception(tmp_path / "weights.pth")
    with pytest.raises(EccentricError, match=r"cannot read .*none\.pth as a file of weights"):
        inception(tmp_path / "none.pth")
    with pytest.raises(EccentricError, match=r"cannot be fetched \(no network\)"):
        inception()


@pytest.mark.parametrize(
    "broken", ["import a_torchvision_that_is_missing", "raise RuntimeError('operator torchvision::nms does not exist')"]
)
def test_without_a_working_torchvision(broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "torch_fidelity").mkdir()
    (tmp_path / "torch_fidelity/__init__.py").write_text(broken)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match=r"Inception needs torch-fidelity and a torchvision .*\(.*torchvision.*\)"):
        inception()
