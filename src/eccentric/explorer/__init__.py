"""An interactive page with a slider for each component of a trained run, which shows the decoded item.

`scene` computes all answers as plain values, `counterpart` aligns a second run, `directions` learns the directions of
labels and attributes, `own` reads a user's items, `rendering` and `curves` draw images, `server` implements HTTP,
`serving` opens the port, and `page/` contains the files for the browser.
"""

from eccentric.explorer.scene import Scene
from eccentric.explorer.serving import InlinePage, explore

__all__ = ["InlinePage", "Scene", "explore"]
