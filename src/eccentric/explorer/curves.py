"""Images of sequences for the page: curves, with one strip per feature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8

    from eccentric.explorer.scene import Scene

__all__ = ["CurveRanges", "curve_ranges"]

MOST_STRIPS = 4
WIDTH, HEIGHT = 240, 56  # pixels of a strip
LINE, RULE, PAPER = (47, 109, 179), (213, 217, 222), (255, 255, 255)
MOST_SEQUENCES = 1000


@dataclass(frozen=True)
class CurveRanges:
    """The features that are shown, and their ranges, which determine the scale of the strips.

    Attributes:
        features: indices of the features that the components change most, in the order of the data.
        low, high: ranges of these features.
        steps: number of steps over the width of the image.
    """

    features: list[int]
    low: Float[np.ndarray, " k"]
    high: Float[np.ndarray, " k"]
    steps: int

    def draw(self, sequence: Float[np.ndarray, "t f"]) -> UInt8[np.ndarray, "3 h w"]:
        """Draw the curves up to the end of the sequence, which is the first NaN."""
        from PIL import Image, ImageDraw

        image = Image.new("RGB", (WIDTH, HEIGHT * len(self.features)), PAPER)
        pen = ImageDraw.Draw(image)
        for strip, feature in enumerate(self.features):
            values = sequence[: self.steps, feature]
            values = values[np.isfinite(values)]
            share = (values - self.low[strip]) / (self.high[strip] - self.low[strip])
            across = 2 + np.arange(len(values)) / max(self.steps - 1, 1) * (WIDTH - 5)
            down = HEIGHT * strip + 4 + (1 - share.clip(0, 1)) * (HEIGHT - 9)
            if strip:
                pen.line([(0, HEIGHT * strip), (WIDTH, HEIGHT * strip)], RULE)
            points = list(zip(across.tolist(), down.tolist(), strict=True))
            if len(points) == 1:
                points *= 2
            if points:
                pen.line(points, LINE, 2)
        return np.asarray(image).transpose(2, 0, 1)


def curve_ranges(scene: Scene) -> CurveRanges:
    """Ranges of the features over reconstructed test sequences and the stored real ones."""
    made = scene.decode(scene.test_states[:MOST_SEQUENCES])
    steps = np.concatenate([made.reshape(-1, made.shape[2]), scene.stored.reshape(-1, made.shape[2])])
    low, high = np.nanmin(steps, 0), np.nanmax(steps, 0)
    width = np.where(high > low, high - low, 1.0)
    change = np.stack([np.subtract(*scene.pair(k)[::-1]) for k in range(scene.dim)]) / width
    strongest = np.argsort(-np.square(change).mean((0, 1)), kind="stable")[:MOST_STRIPS]
    features = sorted(int(feature) for feature in strongest)
    longest = max(scene.view.median_steps or 0, int(np.isfinite(scene.stored[..., 0]).sum(1).max()))
    return CurveRanges(features, low[features], (low + width)[features], longest)
