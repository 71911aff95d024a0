"""What every picture must be."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from eccentric import plots


def assert_publishable(figure: Figure) -> list[str]:
    """Something is drawn, in type of at least 9 points, and nothing reaches the figure's very edge.

    Returns:
        The texts in the picture.
    """
    with Image.open(io.BytesIO(plots.png(figure))) as opened:
        assert opened.format == "PNG"
        image = np.asarray(opened.convert("RGB"))
    assert image.std() > 2
    assert figure.get_figwidth() == pytest.approx(plots.WIDTH, abs=0.1)
    for edge in (image[0], image[-1], image[:, 0], image[:, -1]):
        assert (edge == 255).all(), "clipped at an edge"
    artists = [artist for artist in figure.findobj(Text) if isinstance(artist, Text)]
    shown = [text for text in artists if text.get_visible() and text.get_text()]
    assert all(float(text.get_fontsize()) >= 9 for text in shown)
    return [text.get_text() for text in shown]
