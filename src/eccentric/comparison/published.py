"""What others have published of the methods, as it was measured there: other data, protocols and weights than ours."""

from __future__ import annotations

__all__ = ["PUBLISHED"]

PUBLISHED = {
    "eccentric": "FID 49.4 matched, 54.6 standard (CelebA, weight 1e-4; Table 1); error of nearest neighbours 9.5 / "
    "3.7 / 2.4 / 2.0 % at 100 / 1000 / 10,000 / 60,000 labels (MNIST, d = 8; Table 3; both Li & Blair 2021)",
    "irmae": "within the error of the figures of eccentric on MNIST (Li & Blair 2021 on Table 3)",
    "rae-l2": "FID 9.1 (MNIST, pythae; authors' code 9.9)",
    "rae-gp": "FID 9.7 (MNIST, pythae; authors' code 9.4)",
    "wae-mmd": "FID 56.5 (CelebA, pythae; its paper 55)",
    "wae-gan": "FID 43.3 (CelebA, pythae; its paper 42)",
}
