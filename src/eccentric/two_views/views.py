"""Random views of a batch of images: affine map, flip, brightness, contrast, colour and noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import affine_grid, grid_sample

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8
    from torch import Tensor

__all__ = ["DIGITS", "PHOTOS", "Views"]


@dataclass(frozen=True)
class Views:
    """Settings of random views. A view is drawn independently for each image, on the device of the batch."""

    rotation: float = 0.0
    """Largest angle in degrees."""
    scale: tuple[float, float] = (1.0, 1.0)
    """Range of the side of the visible square, as a fraction of the image's side; the logarithm is uniform."""
    shift: float = 0.0
    """Largest shift of the centre, as a fraction of the image's side; pixels beyond the border are black. With 0, the
    visible square has a random position inside the image."""
    flip: bool = False
    """Whether half of the images are mirrored."""
    contrast: float = 0.0
    """Brightness and contrast are multiplied by factors between 1 - contrast and 1 + contrast."""
    grey: float = 0.0
    """Probability that a view is grey."""
    noise: float = 0.0
    """Largest standard deviation of the noise, for pixels from 0 to 1."""

    def __call__(self, images: UInt8[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """One random view of each image, with pixels from 0 to 1; noise and contrast can exceed this range."""
        x, n = images.float() / 255, len(images)

        def draw(*shape: int) -> Tensor:
            return torch.rand(*shape, device=x.device) * 2 - 1

        low, high = (math.log(side) for side in self.scale)
        side = ((low + high) / 2 + draw(n) * (high - low) / 2).exp()
        angle = draw(n) * math.radians(self.rotation)
        room = (1 - side).abs() if self.shift == 0 else 2 * self.shift * torch.ones_like(side)
        shift = draw(n, 2) * room[:, None]
        mirror = torch.where(torch.rand(n, device=x.device) < 0.5, -1.0, 1.0) if self.flip else torch.ones_like(side)
        cosine, sine = side * angle.cos(), side * angle.sin()
        rows = [cosine * mirror, -sine, shift[:, 0], sine * mirror, cosine, shift[:, 1]]
        grid = affine_grid(torch.stack(rows, 1).view(n, 2, 3), list(x.shape), align_corners=False)
        x = grid_sample(x, grid, align_corners=False)
        if self.grey:
            x = torch.where(torch.rand(n, 1, 1, 1, device=x.device) < self.grey, x.mean(1, keepdim=True), x)
        if self.contrast:
            mean = x.mean((1, 2, 3), keepdim=True)
            x = (x - mean) * (1 + self.contrast * draw(n, 1, 1, 1)) + mean * (1 + self.contrast * draw(n, 1, 1, 1))
        if self.noise:
            x = x + torch.randn_like(x) * (self.noise * torch.rand(n, 1, 1, 1, device=x.device))
        return x


DIGITS = Views(rotation=20, scale=(0.75, 1.33), shift=0.1, contrast=0.4, noise=0.2)
PHOTOS = Views(scale=(0.45, 1.0), flip=True, contrast=0.4, grey=0.2, noise=0.05)
