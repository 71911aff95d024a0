"""Conversion of config.json of older versions to the current form."""

from __future__ import annotations

from typing import Any

SCHEMA = 1
"""Version of the form of config.json. Folders of eccentric 0.1.0 have no version, which is read as 0."""

OLD_SETTINGS = ("weight", "mu", "N")  # 0.1.0 had only the Eccentric loss, with its settings in "train"


def upgraded(config: dict[str, Any]) -> dict[str, Any]:
    """Convert the content of config.json to the form of `SCHEMA`. Unknown and invalid entries are kept."""
    new = {"schema": SCHEMA, **config}
    train, shape = config.get("train"), config.get("shape")
    if "method" not in config and isinstance(train, dict):
        settings = {name: train[name] for name in OLD_SETTINGS if name in train}
        new["method"] = {"name": "eccentric", "settings": settings}
        new["train"] = {"width": 1.0, **{name: value for name, value in train.items() if name not in OLD_SETTINGS}}
    if "item" not in config and "shape" in config:
        is_image = isinstance(shape, list) and len(shape) == 3
        kind, dtype = ("image", "uint8") if is_image else ("table", "float32")
        new["item"] = {"kind": kind, "shape": new.pop("shape"), "dtype": dtype}
    return new
