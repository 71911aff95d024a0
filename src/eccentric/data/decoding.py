"""Decoding of single images with Pillow."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from eccentric.errors import EccentricError

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL.Image import Image

    from eccentric.data.depths import PixelRange

__all__ = ["ALPHA", "GREY", "Header", "Size", "convert", "fit", "header", "planes", "read_with", "upright"]

Size = tuple[int, int]  # height, width
T = TypeVar("T")

# Pillow's modes without colour, including 16-bit and 32-bit grey, alpha, and black and white.
GREY = {"L", "LA", "La", "1", "I", "I;16", "I;16L", "I;16B", "I;16N"}
ALPHA = {"LA", "La", "PA", "RGBA", "RGBa"}
PAGED = {"TIFF", "GIF", "WEBP", "PNG", "MPO"}
SIXTEEN_BITS = re.compile(";16[BLNS]")
SMALL = 1 << 16
"""Bytes. Files below this size are read at once, because Pillow asks an open file for its position many times."""


class Header(NamedTuple):
    """Properties of an image that must be known before images are decoded."""

    size: Size
    mode: str  # Pillow's mode, with the alpha channel that a palette or a transparent colour adds
    pages: int
    values: tuple[int, int, bool] | None
    """Lowest and highest value, and whether all are multiples of 257; None for images of 8 bits."""


def read_with(blob: object, name: str, use: Callable[[Image], T]) -> T:
    from PIL import Image, UnidentifiedImageError

    if blob is None:
        raise EccentricError(f"{name} contains no image; remove the row")
    try:
        with Image.open(_whole(blob) if isinstance(blob, str) else io.BytesIO(blob)) as image:  # type: ignore[arg-type]
            return use(image)
    except EccentricError as error:
        raise EccentricError(f"{name} {error}") from None
    except UnidentifiedImageError:
        raise EccentricError(f"{name} is not a readable image; remove or replace it") from None
    except Exception as error:  # Pillow's readers raise many kinds of errors: OSError, SyntaxError, ...
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise EccentricError(f"{name} cannot be read as an image ({reason}); remove or replace it") from error


def _whole(path: str) -> io.BytesIO | str:
    """The content of a small file; the path of a large one, of which Pillow may need only the header."""
    with io.FileIO(path) as file:
        content = file.read(SMALL)
    return io.BytesIO(content) if len(content) < SMALL else path


def upright(image: Image) -> Image:
    """Rotate an image according to its EXIF orientation, which is read only if present because that takes time."""
    if "exif" not in image.info:
        return image
    from PIL import ImageOps

    return ImageOps.exif_transpose(image)


ORIENTATION, LYING = 0x0112, (5, 6, 7, 8)
"""EXIF tag of the orientation, and its values for images with exchanged width and height."""


def header(image: Image) -> Header:
    """Read the header of an image. Pixels are read only if they have more than 8 bits, to find their range."""
    mode = image.mode
    if mode == "F":
        raise EccentricError("has floating-point pixels; save it with 8 bits")
    if not mode.startswith("I") and any(SIXTEEN_BITS.search(str(tile[3])) for tile in getattr(image, "tile", ())):
        # Pillow would keep the upper 8 bits, and lose most of 12 bits stored in 16.
        raise EccentricError("has several channels with 16 bits each; save it with 8 bits")
    if "transparency" in image.info and mode in ("L", "RGB", "P"):
        mode = {"L": "LA", "RGB": "RGBA", "P": "PA"}[mode]
    width, height = image.size
    # Rotating the image would read all of its pixels.
    lies = "exif" in image.info and image.getexif().get(ORIENTATION) in LYING
    pages = _pages(image)
    values = None
    if mode.startswith("I"):
        x = np.asarray(image)
        values = int(x.min()), int(x.max()), not (x % 257).any()
    return Header((width, height) if lies else (height, width), mode, pages, values)


def _pages(image: Image) -> int:
    if image.format not in PAGED:
        return 1
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # a later page is damaged; the first page may be intact
        return 1


def convert(image: Image, channels: int, pixel_range: PixelRange | None) -> Image:
    """Convert an image to 8 bits, grey or RGB, with transparent parts on a white background."""
    from PIL import Image

    target = "L" if channels == 1 else "RGB"
    if pixel_range is not None and image.mode.startswith("I"):  # Pillow's conversion would clip at 255
        image = Image.fromarray(pixel_range.to_bytes(np.asarray(image)))
    if image.mode in ALPHA or "transparency" in image.info:
        # Dropping alpha would show the colour under transparent pixels, which is black in most icons.
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == target else image.convert(target)


def fit(image: Image, size: Size, crop: int | None = None) -> Image:
    """Crop the centre to the proportions of `size` and resize it bicubically (with antialiasing)."""
    from PIL import Image

    height, width = size
    w, h = image.size
    if crop is not None and min(w, h) > crop:
        w, h = crop, crop
    if (w, h) == image.size == (width, height):
        return image
    scale = min(w / width, h / height)
    bw, bh = scale * width, scale * height
    left, top = (image.size[0] - bw) / 2, (image.size[1] - bh) / 2
    # max/min: rounding must not move the box beyond the edge
    box = (max(left, 0.0), max(top, 0.0), min(left + bw, image.size[0]), min(top + bh, image.size[1]))
    return image.resize((width, height), Image.Resampling.BICUBIC, box=box)


def planes(image: Image) -> np.ndarray:
    x = np.asarray(image)
    return x[None] if x.ndim == 2 else x.transpose(2, 0, 1)
