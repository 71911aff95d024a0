"""Configuration of Sphinx, which builds the site from this folder: `make docs`."""

from __future__ import annotations

import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from docutils import nodes
from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT), str(ROOT / "examples")]
os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:3])

from eccentric import __version__  # noqa: E402

project, author, copyright = "eccentric", "The eccentric authors", "2026, The eccentric authors"
version = release = __version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
if os.environ.get("DOCS_ONLINE") == "1":  # the inventories of other projects are fetched
    extensions.append("sphinx.ext.intersphinx")
intersphinx_mapping = {
    "python": ("https://docs.python.org/3", None),
    "torch": ("https://docs.pytorch.org/docs/stable", None),
    "numpy": ("https://numpy.org/doc/stable", None),
    "sklearn": ("https://scikit-learn.org/stable", None),
}

myst_enable_extensions = ["colon_fence"]  # no mathematics: MathJax would be fetched from elsewhere
myst_heading_anchors = 4
exclude_patterns = ["gallery/*", "reproduction/*", "conf.py"]
suppress_warnings = ["config.cache", "toc.not_included"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_use_rtype = False
napoleon_use_ivar = True
default_role = "py:obj"
python_maximum_signature_line_length = 88

html_theme = "pydata_sphinx_theme"
html_title = f"eccentric {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_favicon = "../src/eccentric/explorer/page/icon.svg"
html_context = {"default_mode": "auto"}
html_sidebars = {"start": [], "how-it-works": []}
html_theme_options = {
    "show_prev_next": False,
    "navbar_end": ["theme-switcher"],
    "navbar_persistent": ["search-button"],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "default",
    "pygments_dark_style": "monokai",
}


def figures(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Save the figures that a block of an example made; the gallery itself finds those of pyplot only."""
    space = block_vars["example_globals"]
    seen = space.setdefault("__seen_figures__", [])
    found = []
    for value in list(space.values()):
        if isinstance(value, Figure) and not any(value is one for one in seen):
            seen.append(value)
            path = next(block_vars["image_path_iterator"])
            value.savefig(path, dpi=160)
            found.append(path)
    return figure_rst(found, gallery_conf["src_dir"])


# Examples whose packages are not installed are left out.
left_out = [] if find_spec("stable_baselines3") else ["plot_8_reinforcement_learning"]
sphinx_gallery_conf = {
    "ignore_pattern": "|".join(["__init__", *left_out]),
    "examples_dirs": "gallery",
    "gallery_dirs": "examples",
    "filename_pattern": r"/plot_",
    "image_scrapers": (figures,),
    "reset_modules": (),
    "capture_repr": (),
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_signature": False,
    "show_memory": False,
    "min_reported_time": 10_000,
    "write_computation_times": False,
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
}

SECTION = re.compile(r"^\s*(Args|Returns|Raises|Attributes|Yields):\s*$")
ENTRY = re.compile(r"^(\s+\*{0,2}\w+(?:, \*{0,2}\w+)*:\s)(.*)$")


def escape_formulas(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Escape what means something to reStructuredText: docstrings are plain text with code in backticks."""
    if any(line.startswith(".. ") for line in lines):
        return  # inherited from a project whose docstrings are reStructuredText
    sections, formula, made = False, False, list[str]()
    for line in lines:
        indented = line.startswith("    ") and bool(line.strip()) and not sections
        if indented and not formula and not line.lstrip().startswith(">>>"):
            made += ["::", ""]  # an indented block is a formula or code
        formula = indented or (formula and not line.strip())
        sections = sections or SECTION.match(line) is not None
        if formula or line.lstrip().startswith((">>>", "...")):
            made.append(line)
            continue
        entry = ENTRY.match(line) if sections else None
        head, text = entry.groups() if entry else ("", line)
        parts = re.split(r"(`[^`]*`)", text)
        made.append(head + "".join(part if k % 2 else _escaped(part) for k, part in enumerate(parts)))
    lines[:] = made


def _escaped(text: str) -> str:
    return re.sub(r"(?<=\w)_(?!\w)", r"\\_", re.sub(r"([*|])", r"\\\1", text))


def prepare_page(app: Any, name: str, source: list[str]) -> None:
    """Drop patterns of tables of contents that match no page yet, and make targets of HTML anchors."""
    kept = [
        line
        for line in source[0].splitlines()
        if not re.fullmatch(r"[\w-]+\*", line) or list(Path(app.srcdir).glob(line))
    ]
    page = "\n".join(kept) + "\n"
    source[0] = re.sub(r'^(#+) <a id="([\w-]+)"></a>', r"(\2)=\n\1 ", page, flags=re.MULTILINE)


# Annotations name types as the modules import them; the inventories of other projects have their full names.
FULL_NAMES = {
    "ArrayLike": "numpy.typing.ArrayLike",
    "BaseEstimator": "sklearn.base.BaseEstimator",
    "Callable": "collections.abc.Callable",
    "Iterable": "collections.abc.Iterable",
    "Iterator": "collections.abc.Iterator",
    "Mapping": "collections.abc.Mapping",
    "Module": "torch.nn.Module",
    "Path": "pathlib.Path",
    "Sequence": "collections.abc.Sequence",
    "Tensor": "torch.Tensor",
    "nn.Module": "torch.nn.Module",
    "np.ndarray": "numpy.ndarray",
    "torch.device": "torch.device",
}
JAXTYPING = {"Bool", "Float", "Int", "Num", "Shaped", "UInt8"}
JAXTYPING_PAGE = "https://docs.kidger.site/jaxtyping/api/array/"


def complete_reference(app: Any, env: Any, node: Any, contnode: Any) -> Any:
    """Link a type in an annotation to this site, to jaxtyping, or through its full name to another project."""
    name = node["reftarget"]
    if node.get("refdomain") != "py" or node.get("reftype") != "class":
        return None
    if name in JAXTYPING:
        return nodes.reference("", "", contnode, internal=False, refuri=JAXTYPING_PAGE)
    domain = env.get_domain("py")
    ours = [full for full, entry in domain.objects.items() if full.endswith(f".{name}") and entry.objtype == "class"]
    if len(ours) == 1:
        return domain.resolve_xref(env, node["refdoc"], app.builder, "class", ours[0], node, contnode)
    node["reftarget"] = FULL_NAMES.get(name, name)
    return None


def setup(app: Any) -> None:
    app.connect("missing-reference", complete_reference, priority=100)  # before intersphinx
    app.connect("source-read", prepare_page)
    app.connect("autodoc-process-docstring", escape_formulas, priority=100)
