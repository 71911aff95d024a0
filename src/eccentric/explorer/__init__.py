"""A page on which the components of a trained run are sliders and the decoder answers at once.

`scene` knows the run and answers with plain values, `rendering` makes images of them, `server` speaks HTTP, `serving`
opens the port, and `page/` is what the browser shows.
"""

from eccentric.explorer.scene import Scene
from eccentric.explorer.serving import explore

__all__ = ["Scene", "explore"]
