"""Pictures at a third of their resolution, which shows as well whether they are right."""

import pytest

from eccentric.plots import style


@pytest.fixture(scope="package", autouse=True)
def low_resolution():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(style.STYLE, "figure.dpi", 72)
        yield
