"""Classifiers trained as feature extractors: for the labels of a data set, or for the attributes of faces."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from eccentric.devices import find_device
from eccentric.errors import EccentricError, UsageError
from eccentric.evaluation.extractors import Extractor
from eccentric.files import read_tensors, write_tensors
from eccentric.inference import in_batches

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int, UInt8
    from torch import Tensor

    from eccentric.data import Data

__all__ = ["train_attribute_classifier", "train_classifier"]

FEATURES = 128
BATCH = 128
RATE = 3e-3  # maximum of a one-cycle schedule, for training in few epochs


def train_classifier(data: Data, folder: str | Path, *, epochs: int = 2, seed: int = 0) -> Extractor:
    """Features of a small convolutional network that classifies the labels of `data`; it is trained once and then
    loaded.

    The features are the 128 activations before the last layer, standardised by batch normalisation: on the training
    items each has a mean near 0 and a variance near 1, so that distances do not depend on the scale of the weights.

    Args:
        data: labelled images; the network is trained on the training items, and its accuracy is measured on the test
            items.
        folder: folder for the weights; the file name depends on data, seed, epochs and network.
        epochs: number of epochs; 2 reach 99 % on MNIST in a minute or two on two CPU cores; small data sets need more.
        seed: seed of weights and batches.

    Raises:
        UsageError: the data have no labels, or are not images.
        EccentricError: the folder cannot be written, or a file in it is damaged.
    """
    if data.train.labels is None or data.test.labels is None:
        raise UsageError(f"{data.name} has no labels to train a feature extractor; give their column with --label")
    return _Training(data, data.train.labels, data.test.labels, len(data.label_names), epochs, seed).extractor(
        Path(folder), "label"
    )


def train_attribute_classifier(
    data: Data,
    train_attributes: Bool[np.ndarray, "n a"],
    test_attributes: Bool[np.ndarray, "m a"],
    folder: str | Path,
    *,
    epochs: int = 5,
    seed: int = 0,
) -> Extractor:
    """Features of a network that predicts many binary attributes, such as the forty of CelebA; see `train_classifier`.

    Args:
        data: images.
        train_attributes, test_attributes: of each item; `eccentric.data.attributes.load_attributes` reads them.
        folder, epochs, seed: as for `train_classifier`.
    """
    return _Training(data, train_attributes, test_attributes, train_attributes.shape[1], epochs, seed).extractor(
        Path(folder), "attribute"
    )


class _Training:
    """Training of a classifier."""

    def __init__(
        self,
        data: Data,
        train_targets: Int[np.ndarray, " n"] | Bool[np.ndarray, "n a"],
        test_targets: Int[np.ndarray, " m"] | Bool[np.ndarray, "m a"],
        outputs: int,
        epochs: int,
        seed: int,
    ) -> None:
        if not data.is_image:
            raise UsageError(f"{data.name} is a table, but features for fidelity need images")
        self.data, self.epochs, self.seed = data, epochs, seed
        self.targets = torch.from_numpy(train_targets), torch.from_numpy(test_targets)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.network = _Classifier((data.shape[0], data.shape[1], data.shape[2]), outputs)

    def extractor(self, folder: Path, kind: str) -> Extractor:
        """Load the trained network if it exists; otherwise train it and write it."""
        try:
            folder.mkdir(parents=True, exist_ok=True)  # before the training
        except OSError as error:
            raise EccentricError(f"cannot make the folder {folder}: {error.strerror}; choose another place") from None
        called = re.sub(r"[^\w.-]", "-", self.data.name)  # a hub id has a slash
        path = folder / f"{called}-{kind}s-{self._fingerprint()}.safetensors"
        if not path.exists():
            accuracy = self._train()
            write_tensors(path, {**self.network.state_dict(), "accuracy": torch.tensor(accuracy)})
        weights = read_tensors(path, expected=("accuracy",))
        accuracy = weights.pop("accuracy").item()
        try:
            self.network.load_state_dict(weights)
        except RuntimeError:
            raise EccentricError(
                f"{path} does not contain the weights of the classifier; remove the file to train again"
            ) from None
        names = self.network.head[-1].out_features
        what = f"distinguishes {names} classes" if kind == "label" else f"recognises {names} attributes"
        return Extractor(
            f"{self.data.name} classifier",
            f"the {FEATURES} standardised activations before the last layer of a convolutional network that {what} "
            f"with a test accuracy of {100 * accuracy:.1f} % (trained on {len(self.data.train.x):,} items of "
            f"{self.data.name} for {self.epochs} epoch{'s' * (self.epochs != 1)}, seed {self.seed}), images at "
            f"{self.data.shape[1]}x{self.data.shape[2]} with pixels in [0, 1]",
            self.network.trunk.to(find_device()),
        )

    def _fingerprint(self) -> str:
        """Digest of everything that the weights depend on."""
        told = hashlib.blake2b(digest_size=6)
        told.update(f"{self.network} {BATCH} {RATE} {self.epochs} {self.seed}".encode())
        for split, targets in zip((self.data.train, self.data.test), self.targets, strict=True):
            told.update(np.ascontiguousarray(split.x.numpy()).data)
            told.update(np.ascontiguousarray(targets.numpy()).data)
        return told.hexdigest()

    def _train(self) -> float:
        """Train the network. Returns the fraction of correct answers on the test items."""
        device = find_device()
        network = self.network.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        x, targets = self.data.train.x, self.targets[0]
        batch = min(BATCH, len(x))
        steps = len(x) // batch  # the rest of each random order is dropped, because a batch of one item has no variance
        optimizer = torch.optim.Adam(network.parameters(), RATE)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=self.epochs * steps)
        order = torch.Generator().manual_seed(self.seed)
        for _ in range(self.epochs):
            for chosen in torch.randperm(len(x), generator=order)[: steps * batch].split(batch):
                loss = _loss(network(x[chosen].to(device)), targets[chosen].to(device))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
        return _accuracy(in_batches(network, self.data.test.x, network, 500), self.targets[1])


class _Classifier(nn.Module):
    """Convolutions that halve the image until a side is at most 4, followed by the features and the outputs."""

    def __init__(self, shape: tuple[int, int, int], outputs: int) -> None:
        super().__init__()
        channels, height, width = shape
        layers: list[nn.Module] = [_Pixels()]
        wide = 32
        while len(layers) == 1 or min(height, width) > 4:
            layers += [nn.Conv2d(channels, wide, 3, padding=1), nn.BatchNorm2d(wide), nn.ReLU()]
            layers += [nn.MaxPool2d(2, ceil_mode=True)]
            channels, wide, height, width = wide, min(2 * wide, 256), -(-height // 2), -(-width // 2)
        layers += [nn.Flatten(), nn.Linear(channels * height * width, FEATURES, bias=False)]
        self.trunk = nn.Sequential(*layers, nn.BatchNorm1d(FEATURES, affine=False))
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(FEATURES, outputs))

    def forward(self, x: UInt8[Tensor, "n c h w"]) -> Float[Tensor, "n outputs"]:
        answers: Tensor = self.head(self.trunk(x))
        return answers


class _Pixels(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x / 255


def _loss(answers: Tensor, targets: Tensor) -> Tensor:
    if targets.ndim == 1:
        return cross_entropy(answers, targets)
    return binary_cross_entropy_with_logits(answers, targets.to(answers.dtype))


def _accuracy(answers: Tensor, targets: Tensor) -> float:
    right = answers.argmax(1) == targets if targets.ndim == 1 else (answers > 0) == targets
    return right.double().mean().item()
