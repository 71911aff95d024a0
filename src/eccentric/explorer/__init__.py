"""A page on which the components of a trained run are sliders and the decoder answers at once.

`scene` knows the run and answers with plain values, `counterpart` aligns a second run to it, `directions` learns what
labels and attributes mean, `own` reads a user's items, `rendering` makes images, `server` speaks HTTP, `serving` opens
the port, and `page/` is what the browser shows.
"""

from eccentric.explorer.scene import Scene
from eccentric.explorer.serving import InlinePage, explore

__all__ = ["InlinePage", "Scene", "explore"]
