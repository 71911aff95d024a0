"""Random views of a batch of images: an affine map, a flip, and changes of brightness, contrast, colour and noise."""

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
    """How a view is drawn, for each image of a batch anew and on the device of the batch."""

    rotation: float = 0.0
    """Largest angle in degrees."""
    scale: tuple[float, float] = (1.0, 1.0)
    """Range of the side of the visible square, as a share of the image's side; its logarithm is uniform."""
    shift: float = 0.0
    """Largest shift of the centre, as a share of the image's side; beyond the border, the image is black or, for
    photographs, stays inside."""
    flip: bool = False
    """Mirror half of the images."""
    contrast: float = 0.0
    """Brightness and contrast are multiplied by factors between 1 - contrast and 1 + contrast."""
    grey: float = 0.0
    """Probability of a view without colours."""
    noise: float = 0.0
    """Largest standard deviation of noise; pixels are from 0 to 1."""

    def __call__(self, images: UInt8[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """One random view of each image, with pixels from 0 to 1 (beyond by noise and contrast)."""
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
