"""Conversion of encoded images and image arrays to uint8 with one size and one number of channels.

Encoded images are read twice: first all headers, which determine size, channels and depth, then the pixels, directly
into one array. This avoids a second copy of the pixels. The pixels of small images are kept from the first pass, up to
a limit. The loop uses one thread: with several threads, 28x28 PNGs were slower (Python's lock) and 64x64 JPEGs 7 %
faster.
"""

from __future__ import annotations

import math
import warnings
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from eccentric.data.decoding import ALPHA, GREY, Header, Size, convert, fit, header, planes, read_with, upright
from eccentric.data.depths import find_range
from eccentric.data.walking import count_of
from eccentric.devices import memory_size
from eccentric.errors import EccentricError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pyarrow as pa
    from PIL.Image import Image

    from eccentric.data.splits import Division

__all__ = ["Pixels", "from_arrays", "from_table", "is_encoded", "may_be_pixels"]

SMALL = 128 * 128  # pixels
KEPT = 1 << 28
"""Bytes of pixels that are kept from the first pass: small images take longer to open than to decode."""
EVERY = 64  # number of images between two progress updates


class Pixels(NamedTuple):
    """Decoded images.

    Attributes:
        x: (n, c, h, w) uint8 for each part.
        notes: changes made to the images.
        range: values that were mapped to 0 and 255, if images have more than 8 bits.
    """

    x: list[np.ndarray]
    notes: list[str]
    range: tuple[int, int] | None = None


def is_encoded(column: pa.Field) -> bool:
    """Whether a column contains image files: structs of bytes and path as written by `datasets`, or bytes in a column
    named as images.
    """
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
    pixel_range: tuple[int, int] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Pixels:
    """Decode the images of one column.

    The result is grey if all images are grey, and RGB otherwise. Its size is the given or the most common one. Images
    with other proportions are first cropped at the centre, so that nothing is stretched. `crop` is the side of a square
    to crop from the centre of larger images beforehand. `on_progress` is called with the numbers of completed and of
    all steps.
    """
    columns = {key: _blobs(tables[key][column]) for key in {p.key for p in division.parts}}
    parts = []
    for part in division.parts:
        blobs = [columns[part.key][row] for row in part.rows]
        names = [b if isinstance(b, str) else f"{source}, {part.where(i)}" for i, b in enumerate(blobs)]
        parts.append(list(zip(blobs, names, strict=True)))
    every = [item for part_items in parts for item in part_items]

    def advance(done: int) -> None:
        if on_progress is not None and (done % EVERY == 0 or done == 2 * len(every)):
            on_progress(done, 2 * len(every))

    with warnings.catch_warnings():
        # Pillow warns of large images and damaged metadata. The user does not need these warnings: images that cannot
        # be decoded raise an error below.
        warnings.filterwarnings("ignore", module="PIL")
        headers: list[Header] = []
        kept: dict[int, np.ndarray] = {}
        space = KEPT

        def look(image: Image) -> Header:
            nonlocal space
            found = header(image)
            plain = image.mode in ("L", "RGB") and "exif" not in image.info and "transparency" not in image.info
            if plain and image.width * image.height <= SMALL and space > 0:
                kept[len(headers)] = planes(image)
                space -= kept[len(headers)].nbytes
            return found

        for item in every:
            headers.append(read_with(*item, look))
            advance(len(headers))
        sizes = Counter(found.size for found in headers)
        modes = Counter(found.mode for found in headers)
        size = size or sizes.most_common(1)[0][0]
        channels = 1 if modes.keys() <= GREY else 3
        _check_memory((len(every), channels, *size), source)
        scale, depth_notes = find_range(headers, source, pixel_range)

        def pixels(image: Image) -> np.ndarray:
            return planes(fit(convert(upright(image), channels, scale), size, crop))

        out = []
        done = len(every)
        for part_items in parts:
            x = np.empty((len(part_items), channels, *size), dtype=np.uint8)
            for i, item in enumerate(part_items):
                ready = kept.pop(done - len(every), None)
                if ready is None or ready.shape != x.shape[1:] or (crop is not None and min(size) > crop):
                    ready = read_with(*item, pixels)
                x[i] = ready
                done += 1
                advance(done)
            out.append(x)
    notes = [*_mode_notes(modes, channels), *depth_notes, *_page_notes(headers, every), *_size_notes(sizes, size, crop)]
    return Pixels(out, notes, None if scale is None else (scale.low, scale.high))


def from_arrays(
    arrays: Mapping[str, np.ndarray], division: Division, source: str, *, size: Size | None = None
) -> Pixels:
    """Convert arrays of pixels to (n, c, h, w) uint8 for each part, with notes.

    (n, h, w) is grey. With four axes, the channels are the second axis if its length is 1 or 3, otherwise the last.
    Whole numbers must lie in 0..255, fractions in [0, 1].
    """
    parts = [_channels_first(arrays[part.key], source)[part.rows] for part in division.parts]
    parts, notes = _to_bytes(parts, division, source)
    found = parts[0].shape[2:]
    if size is None or size == found:
        return Pixels(parts, notes)
    notes += _size_notes(Counter({found: sum(len(p) for p in parts)}), size)
    return Pixels([_resize_all(p, size) for p in parts], notes)


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
            # A path next to bytes is only the original name of the file.
            yield value.as_buffer() if value.is_valid else path.as_py()

    return [blob for chunk in column.chunks for blob in chunk_blobs(chunk)]


def _check_memory(shape: tuple[int, ...], source: str) -> None:
    """Check that the images fit in memory. Linux would grant the memory and later kill the process."""
    have = memory_size()
    if have is not None and math.prod(shape) > have:
        n, _, h, w = shape
        raise EccentricError(
            f"{source}: {n:,} images of {h}x{w} need {math.prod(shape) / 1e9:.0f} GB of memory, but this machine has "
            f"{have / 1e9:.0f}; use a smaller --image-size"
        )


def _mode_notes(modes: Counter[str], channels: int) -> list[str]:
    target = "grey" if channels == 1 else "RGB"
    notes = []
    for mode, n in sorted(modes.items()):
        if mode == ("L" if channels == 1 else "RGB"):
            continue
        how = {"L": "grey", "1": "black and white"}.get(mode, f"mode {mode}")
        if mode in ALPHA:
            how += " (laid over white)"
        notes.append(f"{count_of(n, 'image')} converted from {how} to {target}")
    return notes


def _page_notes(headers: Sequence[Header], items: Sequence[tuple[object, str]]) -> list[str]:
    several = [(found.pages, name) for found, (_, name) in zip(headers, items, strict=True) if found.pages > 1]
    if not several:
        return []
    pages, name = several[0]
    return [f"of {count_of(len(several), 'image')}, only the first page or frame was read: {name} has {pages:,}"]


def _size_notes(sizes: Counter[Size], size: Size, crop: int | None = None) -> list[str]:
    others = [(s, n) for s, n in sizes.most_common() if s != size]
    if not others:
        return []
    shown = ", ".join(f"{h}x{w}" for (h, w), _ in others[:3])
    shown += f" and {len(others) - 3:,} more sizes" if len(others) > 3 else ""
    stretched = any(s[0] * size[1] != s[1] * size[0] for s, _ in others)
    cropped = ", cropped at the centre to keep proportions" if stretched else ""
    if crop is not None and any(min(s) > crop for s, _ in others):
        cropped = f"; larger ones cut to their middle {crop}x{crop}"
    return [f"{count_of(sum(n for _, n in others), 'image')} resized to {size[0]}x{size[1]} (from {shown}){cropped}"]


# --- arrays ---------------------------------------------------------------------------------------------------------


def may_be_pixels(x: np.ndarray) -> bool:
    """Whether all finite values are fractions in [0, 1] or whole numbers in 0..255."""
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
    if high == 1:  # a mask, which would be shown as black
        return [p * np.uint8(255) for p in whole], ["values 0 and 1 changed to 0 and 255"]
    return whole, []


def _resize_all(x: np.ndarray, size: Size) -> np.ndarray:
    from PIL import Image

    out = np.empty((*x.shape[:2], *size), dtype=np.uint8)
    for i, item in enumerate(x):
        image = Image.fromarray(item[0] if len(item) == 1 else np.ascontiguousarray(item.transpose(1, 2, 0)))
        out[i] = planes(fit(image, size))
    return out
