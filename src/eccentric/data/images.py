"""Encoded images and image arrays -> uint8, one size and one number of channels.

Encoded images are read twice: the headers of all, which settle size and channels, then the pixels straight into one
array. That needs no second copy of the pixels and costs a quarter of the time for MNIST, less for anything larger.
A plain loop it is: threads made 28x28 PNGs slower (Python's lock) and 64x64 JPEGs 7 % faster.
"""

from __future__ import annotations

import io
import math
import os
from collections import Counter
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from eccentric.errors import EccentricError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pyarrow as pa
    from PIL.Image import Image

    from eccentric.data.splits import Division

__all__ = ["from_arrays", "from_table", "is_encoded", "may_be_pixels"]

Size = tuple[int, int]  # height, width
T = TypeVar("T")

# Pillow's modes that hold no colour; 16-bit and 32-bit grey, with alpha, and black and white included.
GREY = {"L", "LA", "La", "1", "I", "I;16", "I;16L", "I;16B", "I;16N"}
ALPHA = {"LA", "La", "PA", "RGBA", "RGBa"}


def is_encoded(column: pa.Field) -> bool:
    """Whether a column holds image files: the struct of bytes and path that `datasets` writes, or bytes called so."""
    import pyarrow.types as t

    if t.is_struct(column.type):
        return bool(column.type.get_field_index("bytes") >= 0 and column.type.get_field_index("path") >= 0)
    called_so = column.name.lower() in ("image", "images", "img")
    return called_so and bool(t.is_binary(column.type) or t.is_large_binary(column.type))


def from_table(
    tables: Mapping[str, pa.Table],
    division: Division,
    column: str,
    source: str,
    *,
    size: Size | None = None,
    crop: int | None = None,
) -> tuple[list[np.ndarray], list[str]]:
    """The encoded images of one column as (n, c, h, w) uint8 for each part, and notes.

    Images are laid out as grey when all are grey, else as RGB; they get the size asked for, else the most common one.
    What has other proportions is cropped at its centre first, so that nothing is stretched. `crop` is the side of a
    square to cut from the centre of larger images beforehand.
    """
    columns = {key: _blobs(tables[key][column]) for key in {p.key for p in division.parts}}
    parts = []
    for part in division.parts:
        blobs = [columns[part.key][row] for row in part.rows]
        names = [b if isinstance(b, str) else f"{source}, {part.where(i)}" for i, b in enumerate(blobs)]
        parts.append(list(zip(blobs, names, strict=True)))

    sizes: Counter[Size] = Counter()
    modes: Counter[str] = Counter()
    for item in (item for part_items in parts for item in part_items):
        found, mode = _read(*item, _header)
        sizes[found] += 1
        modes[mode] += 1
    size = size or sizes.most_common(1)[0][0]
    channels = 1 if modes.keys() <= GREY else 3
    _check_memory((sum(modes.values()), channels, *size), source)

    def pixels(image: Image) -> np.ndarray:
        return _planes(_fit(_convert(_upright(image), channels), size, crop))

    out = []
    for part_items in parts:
        x = np.empty((len(part_items), channels, *size), dtype=np.uint8)
        for i, item in enumerate(part_items):
            x[i] = _read(*item, pixels)
        out.append(x)
    return out, [*_mode_notes(modes, channels), *_size_notes(sizes, size, crop)]


def from_arrays(
    arrays: Mapping[str, np.ndarray], division: Division, source: str, *, size: Size | None = None
) -> tuple[list[np.ndarray], list[str]]:
    """Pixels in arrays as (n, c, h, w) uint8 for each part, and notes.

    (n, h, w) is grey; of four axes the second holds the channels if its length is 1 or 3, else the last.
    Whole numbers must lie in 0..255, fractions in [0, 1].
    """
    parts = [_channels_first(arrays[part.key], source)[part.rows] for part in division.parts]
    parts, notes = _to_bytes(parts, division, source)
    found = parts[0].shape[2:]
    if size is None or size == found:
        return parts, notes
    notes += _size_notes(Counter({found: sum(len(p) for p in parts)}), size)
    return [_resize_all(p, size) for p in parts], notes


# --- encoded images -------------------------------------------------------------------------------------------------


def _blobs(column: pa.ChunkedArray) -> list[object]:
    """One buffer or path per row, without copying: `take` on gigabytes of bytes overflows Arrow's 32-bit offsets."""
    import pyarrow.types as t

    def chunk_blobs(chunk: pa.Array) -> Iterator[object]:
        if not t.is_struct(chunk.type):
            yield from (value.as_buffer() for value in chunk)
            return
        children = chunk.flatten()
        data = children[chunk.type.get_field_index("bytes")]
        paths = children[chunk.type.get_field_index("path")]
        for value, path in zip(data, paths, strict=True):
            # The path beside bytes is only the name that the file once had.
            yield value.as_buffer() if value.is_valid else path.as_py()

    return [blob for chunk in column.chunks for blob in chunk_blobs(chunk)]


def _read(blob: object, name: str, use: Callable[[Image], T]) -> T:
    from PIL import Image, UnidentifiedImageError

    if blob is None:
        raise EccentricError(f"{name} holds no image; remove the row")
    try:
        with Image.open(blob if isinstance(blob, str) else io.BytesIO(blob)) as image:  # type: ignore[arg-type]
            return use(image)
    except EccentricError as error:
        raise EccentricError(f"{name} {error}") from None
    except UnidentifiedImageError:
        raise EccentricError(f"{name} is not an image that can be read; remove or replace it") from None
    except Exception as error:  # Pillow's readers pass on whatever their parsers meet: OSError, SyntaxError, ...
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise EccentricError(f"{name} cannot be read as an image ({reason}); remove or replace it") from error


def _upright(image: Image) -> Image:
    """Turned as the camera's note says; looked up only where there is one, for it takes time."""
    if "exif" not in image.info:
        return image
    from PIL import ImageOps

    return ImageOps.exif_transpose(image)


ORIENTATION, LYING = 0x0112, (5, 6, 7, 8)
"""EXIF's tag, and its values for pictures whose width and height are exchanged."""


def _header(image: Image) -> tuple[Size, str]:
    mode = image.mode
    if mode == "F":
        raise EccentricError("holds floating-point pixels; save it with 8 bits")
    if "transparency" in image.info and mode in ("L", "RGB", "P"):
        mode = {"L": "LA", "RGB": "RGBA", "P": "PA"}[mode]
    width, height = image.size
    # Turning it would read all of its pixels.
    lies = "exif" in image.info and image.getexif().get(ORIENTATION) in LYING
    return ((width, height) if lies else (height, width)), mode


def _convert(image: Image, channels: int) -> Image:
    from PIL import Image

    target = "L" if channels == 1 else "RGB"
    if image.mode.startswith("I"):  # Pillow's own conversion would clip at 255
        wide = np.asarray(image).astype(np.float64)
        image = Image.fromarray(np.clip(np.rint(wide / 257), 0, 255).astype(np.uint8))
    if image.mode in ALPHA or "transparency" in image.info:
        # Dropping alpha would bring out what was painted under it, for most icons a black square.
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == target else image.convert(target)


def _fit(image: Image, size: Size, crop: int | None = None) -> Image:
    """The centre, in the proportions of `size`, resized bicubically (with antialiasing)."""
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
    # max/min: rounding must not push the box past the edge
    box = (max(left, 0.0), max(top, 0.0), min(left + bw, image.size[0]), min(top + bh, image.size[1]))
    return image.resize((width, height), Image.Resampling.BICUBIC, box=box)


def _planes(image: Image) -> np.ndarray:
    x = np.asarray(image)
    return x[None] if x.ndim == 2 else x.transpose(2, 0, 1)


def _check_memory(shape: tuple[int, ...], source: str) -> None:
    """Linux would grant the memory and then kill the process; better a line."""
    try:
        have = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not on this system
        return
    if math.prod(shape) > have:
        n, _, h, w = shape
        raise EccentricError(
            f"{source}: {n:,} images of {h}x{w} need {math.prod(shape) / 1e9:.0f} GB of memory, "
            f"and this machine has {have / 1e9:.0f}; give a smaller --image-size"
        )


def _mode_notes(modes: Counter[str], channels: int) -> list[str]:
    target = "grey" if channels == 1 else "RGB"
    notes = []
    for mode, n in sorted(modes.items()):
        if mode == ("L" if channels == 1 else "RGB"):
            continue
        how = {"L": "grey", "1": "black and white"}.get(mode, f"mode {mode}")
        if mode.startswith("I"):
            how += " (16 bits, divided by 257)"
        elif mode in ALPHA:
            how += " (laid over white)"
        notes.append(f"{_count(n)} converted from {how} to {target}")
    return notes


def _size_notes(sizes: Counter[Size], size: Size, crop: int | None = None) -> list[str]:
    others = [(s, n) for s, n in sizes.most_common() if s != size]
    if not others:
        return []
    shown = ", ".join(f"{h}x{w}" for (h, w), _ in others[:3])
    shown += f" and {len(others) - 3:,} more sizes" if len(others) > 3 else ""
    stretched = any(s[0] * size[1] != s[1] * size[0] for s, _ in others)
    cropped = ", cropped at the centre to keep proportions" if stretched else ""
    if crop is not None and any(min(s) > crop for s, _ in others):
        cropped = f", of larger ones the middle {crop}x{crop} only"
    return [f"{_count(sum(n for _, n in others))} resized to {size[0]}x{size[1]} (from {shown}){cropped}"]


def _count(n: int) -> str:
    return f"{n:,} image{'s' * (n != 1)}"


# --- arrays ---------------------------------------------------------------------------------------------------------


def may_be_pixels(x: np.ndarray) -> bool:
    """Whether all values are fractions in [0, 1] or whole numbers in 0..255; NaN and infinity are not looked at."""
    if x.dtype == np.uint8 or x.dtype.kind == "b" or not x.size:
        return True
    most = 1 if x.dtype.kind == "f" else 255
    return not ((x < 0) | (x > most)).any(where=np.isfinite(x))


def _channels_first(x: np.ndarray, source: str) -> np.ndarray:
    if x.ndim == 3:
        return x[:, None]
    if x.shape[1] in (1, 3):
        return x
    if x.shape[3] in (1, 3):
        return x.transpose(0, 3, 1, 2)
    raise EccentricError(
        f"{source} has shape {x.shape}: images are (n, h, w), (n, c, h, w) or (n, h, w, c) with 1 or 3 channels"
    )


def _to_bytes(parts: Sequence[np.ndarray], division: Division, source: str) -> tuple[list[np.ndarray], list[str]]:
    fractions = any(p.dtype.kind == "f" for p in parts)
    if fractions:
        for part, p in zip(division.parts, parts, strict=True):
            bad = ~np.isfinite(p).all(axis=(1, 2, 3))
            if bad.any():
                raise EccentricError(f"{source}: nan or inf in {part.where(int(bad.argmax()))}; remove the image")
    low, high = min(p.min() for p in parts), max(p.max() for p in parts)
    if fractions:
        if low < 0 or high > 1:
            raise EccentricError(
                f"{source}: fractions must lie in [0, 1], but range from {low:g} to {high:g}; rescale, or give uint8"
            )
        scaled = [np.rint(p * 255.0).astype(np.uint8) for p in parts]
        return scaled, ["fractions in [0, 1] multiplied by 255 and rounded"]
    if low < 0 or high > 255:
        raise EccentricError(
            f"{source}: whole numbers must lie in 0..255, but range from {low} to {high}; rescale them to uint8"
        )
    whole = [p.astype(np.uint8, copy=False) for p in parts]
    if high == 1:  # a mask; as it stands every image would be black
        return [p * np.uint8(255) for p in whole], ["0 and 1 made 0 and 255"]
    return whole, []


def _resize_all(x: np.ndarray, size: Size) -> np.ndarray:
    from PIL import Image

    out = np.empty((*x.shape[:2], *size), dtype=np.uint8)
    for i, item in enumerate(x):
        image = Image.fromarray(item[0] if len(item) == 1 else np.ascontiguousarray(item.transpose(1, 2, 0)))
        out[i] = _planes(_fit(image, size))
    return out
