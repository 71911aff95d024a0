"""Images of more than 8 bits, and of more than one page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from eccentric.data import Data, load, load_all
from eccentric.errors import EccentricError
from tests.data.making import grey, save_images

if TYPE_CHECKING:
    from pathlib import Path


def save_wide(folder: Path, pixels: np.ndarray, suffix: str = ".png") -> None:
    folder.mkdir(exist_ok=True)
    for i, p in enumerate(pixels):
        Image.fromarray(p).save(folder / f"{i}{suffix}")


def values(data: Data) -> np.ndarray:
    out = np.empty((len(data.train.x) + len(data.test.x), *data.shape[1:]), np.uint8)
    for side in (data.train, data.test):
        out[side.rows] = side.x[:, 0].numpy()
    return out


@pytest.mark.parametrize(
    ("low", "high", "dtype", "suffix"),
    [
        (0, 4095, np.uint16, ".png"),  # 12 bits in 16
        (812, 64200, np.uint16, ".tif"),
        (0, 2**30, np.int32, ".tif"),
        (-1000, 3000, np.int32, ".tif"),
    ],
)
def test_the_range_of_the_data_set_is_scaled(tmp_path: Path, low: int, high: int, dtype: type, suffix: str) -> None:
    x: np.ndarray = np.random.default_rng(0).integers(low, high, (6, 8, 8)).astype(dtype)
    x[2, 0, 0], x[4, 1, 1] = low, high
    save_wide(tmp_path, x, suffix)
    data = load(tmp_path)
    assert data.pixel_range == (low, high)
    assert f"6 images of more than 8 bits, with values from {low} to {high}: {low} to {high} scaled to 0 to 255" in (
        data.notes
    )
    want = (x.astype(float) - low) / (high - low) * 255
    assert np.abs(values(data) - want).max() <= 0.5 + 1e-9


def test_8_bits_in_16(tmp_path: Path) -> None:
    save_wide(tmp_path / "small", grey(4).astype(np.uint16))  # values of 0 to 255
    np.testing.assert_array_equal(values(load(tmp_path / "small")), grey(4))
    assert load(tmp_path / "small").notes[1].endswith("taken as they are")
    save_wide(tmp_path / "stretched", grey(4).astype(np.uint16) * 257)
    np.testing.assert_array_equal(values(load(tmp_path / "stretched")), grey(4))


def test_depths_that_cannot_be_compared(tmp_path: Path) -> None:
    save_images(tmp_path, grey(3))
    save_wide(tmp_path, np.full((1, 8, 8), 3000, np.uint16))
    with pytest.raises(
        EccentricError, match=r"mixes images of 8 bits with images of more bits and values from 3000 to 3000; save all"
    ):
        load(tmp_path)


def test_new_images_are_scaled_as_those_trained_on(tmp_path: Path) -> None:
    save_wide(tmp_path / "new", np.full((2, 8, 8), 2000, np.uint16))
    items = load_all(tmp_path / "new", pixel_range=(0, 1000))
    assert items.splits["all"].x.unique().tolist() == [255]
    assert items.notes[-1].endswith("0 to 1000 scaled to 0 to 255, values outside clipped")
    assert load_all(tmp_path / "new", pixel_range=(0, 4000)).splits["all"].x.unique().tolist() == [128]
    save_images(tmp_path / "old", grey(2))
    with pytest.raises(EccentricError, match=r"contains images of 8 bits, but the run was trained on values from 0 to"):
        load_all(tmp_path / "old", pixel_range=(0, 1000))


def test_constant_images_of_16_bits(tmp_path: Path) -> None:
    save_wide(tmp_path, np.full((3, 8, 8), 3000, np.uint16))
    assert load(tmp_path).train.x.unique().tolist() == [0]


def test_colour_of_16_bits_is_refused(tmp_path: Path) -> None:
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + np.arange(12, dtype=">u2").tobytes() for _ in range(4))  # 4x4 RGB, 16 bits each
    header = struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    for i in range(3):
        (tmp_path / f"{i}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    with pytest.raises(EccentricError, match=r"0\.png has several channels with 16 bits each; save it with 8"):
        load(tmp_path)


@pytest.mark.parametrize("suffix", [".tif", ".gif", ".webp", ".png"])
def test_pages_and_frames_beyond_the_first_are_named(tmp_path: Path, suffix: str) -> None:
    save_images(tmp_path, grey(3))
    frames = [Image.fromarray(p) for p in grey(3, seed=1)]
    frames[0].save(tmp_path / f"stack{suffix}", save_all=True, append_images=frames[1:])
    notes = load(tmp_path).notes
    assert f"of 1 image, only the first page or frame was read: {tmp_path}/stack{suffix} has 3" in notes


def test_large_pictures_bring_no_warning(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    save_images(tmp_path, grey(3))  # 64 pixels: from 50 on a warning, from 100 an error
    assert load(tmp_path).shape == (1, 8, 8)
    assert capfd.readouterr().err == ""


def test_progress_is_told(tmp_path: Path) -> None:
    save_images(tmp_path, grey(40))
    told: list[tuple[int, int]] = []
    load(tmp_path, on_progress=lambda done, total: told.append((done, total)))
    assert told == [(64, 80), (80, 80)]
