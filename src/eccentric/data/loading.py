"""Data loading: find the source, split it, and decode it once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import torch

from eccentric.data import arrays as items_in_arrays
from eccentric.data import images, sequence_files, sequences, sources, tables
from eccentric.data import labels as labelling
from eccentric.data.items import ItemKind, ItemSpec, OtherKind
from eccentric.data.source import Arrays, Source
from eccentric.data.sparse_rows import SparseRows, from_sparse
from eccentric.data.splits import Data, Division, Items, Split, divide, listing, undivided
from eccentric.errors import EccentricError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


__all__ = ["from_arrays", "load", "load_all"]

ImageSize = int | tuple[int, int] | None


def load(
    source: str | Path,
    *,
    label: str | None = None,
    drop: Sequence[str] = (),
    columns: Sequence[str] | None = None,
    image_size: ImageSize = None,
    item_kind: ItemKind = "auto",
    test_fraction: float = 0.2,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> Data:
    """Load a data set from a name, file, folder or hub id.

    Args:
        source: the following are tried in this order:

            1. `digits` (8x8, comes with scikit-learn), `mnist` or `celeba`: always the data set of that name; write
                `./mnist`, or pass a `pathlib.Path`, for a folder of that name. A folder of that name in
                `$ECCENTRIC_DATA` is read instead of the hub.
            2. A path that exists: a folder that `datasets.load_dataset` reads (Parquet, CSV or JSON files, or a
               README.md with `configs`); a folder of images, flat or with one folder per class, optionally under
               `train/` and `test/`; an `.npy`, `.npz` (arrays x|X|images|data and y|label|labels, optionally with
               suffixes `_train` and `_test`), `.csv` or `.parquet` file.
            3. A folder of that name in `$ECCENTRIC_DATA`.
            4. A hub id, `owner/name`.

            A name, folder or hub id may be followed by `:CONFIG` to choose a configuration.
        label: column (or array, in an `.npz` file) with the labels. The default is the first one named label, labels,
            target, class or y, else the first one declared as classes, else none; for `celeba` it is "Smiling". An
            empty string means no labels, and a table then keeps the column as a feature.
        drop: columns of a table to exclude.
        columns: columns of a table to use, in this order; all by default.
        image_size: side, or (height, width), to which images are resized; by default their most common size, and 64 for
            `celeba`, with larger images first cropped to the central 140x140, as is usual. Proportions are kept by
            cropping at the centre.
        item_kind: kind of the items, "image", "table" or "sequence". For `.npy` and `.npz` files see `from_arrays`;
            other sources must contain items of this kind.
        test_fraction: fraction of items held out at random if the source has no test or validation split.
        seed: seed of the random split.
        on_progress: called with the numbers of completed and of all steps while images are decoded.

    Returns:
        Images as uint8 (n, c, h, w), grey if all are grey and RGB otherwise; tables as float32 (n, f), not
        standardised. `Data.notes` lists what was changed or left out.

    Raises:
        UsageError: unknown source, column or configuration; arguments out of range.
        EccentricError: the data cannot be used; the message states what is wrong, where, and how to fix it.
    """
    size = _check_options(image_size, test_fraction, seed, item_kind)
    found = sources.read(source, label, sequences=item_kind == "sequence")
    noun = "item" if found.files else "row"  # files of images or of sequences
    left_out = [note for note in found.notes if "left out" in note]
    options = _Options(label, drop, columns, size, item_kind, on_progress=on_progress)
    sizes = _sizes(found)
    if sum(sizes.values()) == 1:  # one item is not sufficient, but if it is damaged, the error should say that
        _read(found, undivided(sizes, name=found.where), options)
    division = divide(sizes, name=found.where, test_fraction=test_fraction, seed=seed, noun=noun, notes=left_out)
    read = _read(found, division, options)
    return _halves(found, division, read)


def load_all(
    source: str | Path,
    *,
    label: str | None = None,
    preferred_label: str | None = None,
    columns: Sequence[str] | None = None,
    image_size: tuple[int, int] | None = None,
    item_kind: ItemKind = "auto",
    pixel_range: tuple[int, int] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Items:
    """Load all items of a source, by its own splits, for encoding and not for training.

    Arguments and errors are those of `load`, but one item is sufficient. `preferred_label` is used if `label` is not
    given and the source has a column or array of that name; an empty string means no labels. `pixel_range` is that of
    the training data.
    """
    if label is None and preferred_label == "":
        label = ""
    found = sources.read(source, label, preferred_label, sequences=item_kind == "sequence")
    if preferred_label and any(preferred_label in table.column_names for table in found.tables.values()):
        found = replace(found, label=preferred_label)
    sizes = _sizes(found)
    division = undivided(sizes, name=found.where)
    options = _Options(label, (), columns, image_size, item_kind, pixel_range, on_progress)
    read = _read(found, division, options)
    names = [part.key if len(sizes) > 1 else "all" for part in division.parts]
    return Items(
        dict(zip(names, read.splits, strict=True)), read.spec, read.label_names, read.feature_names, read.notes
    )


def from_arrays(
    x: np.ndarray | torch.Tensor | Sequence[Any],
    labels: np.ndarray | torch.Tensor | Sequence[Any] | None = None,
    *,
    lengths: np.ndarray | torch.Tensor | Sequence[int] | None = None,
    name: str = "arrays",
    feature_names: Sequence[str] | None = None,
    image_size: ImageSize = None,
    item_kind: ItemKind = "auto",
    test_fraction: float = 0.2,
    seed: int = 0,
) -> Data:
    """Create a data set from arrays in memory, with the checks and conversions of `load`.

    Args:
        x: a table (n, f), images (n, h, w), (n, c, h, w) or (n, h, w, c) with 1 or 3 channels, sequences
            (n, steps, features), or a list of arrays (steps, features) of any lengths. If both the second and the last
            axis could be the channels, the second is used. Images are uint8, whole numbers in 0..255, bools, or
            fractions in [0, 1].
        labels: (n,) text, whole numbers or bools.
        lengths: (n,) steps of each sequence in x; the steps beyond are not looked at.
        name: name for titles and error messages.
        feature_names: of the columns of a table or of the numbers in a step; "x0", "x1", ... by default.
        item_kind: "auto" takes two axes for a table, and three or four for images, or for sequences if there are
            lengths; an array of three axes whose values cannot be those of images is refused. "table" makes one row of
            each item, "sequence" takes three axes, or a list, for sequences.
        image_size, test_fraction, seed: as for `load`.

    Raises:
        UsageError: arguments out of range.
        EccentricError: the arrays cannot be used.
    """
    size = _check_options(image_size, test_fraction, seed, item_kind)
    steps = None if lengths is None else _numpy(lengths, name)
    if item_kind == "sequence" and isinstance(x, list | tuple):
        if lengths is not None:
            raise UsageError("a list of sequences has lengths of its own; leave lengths out")
        x, steps = sequences.join([_numpy(sequence, name) for sequence in x], name)
    arrays = Arrays(_numpy(x, name), None if labels is None else _numpy(labels, name), "label", lengths=steps)
    found = Source(name, name, arrays={"all": arrays})
    division = divide(_sizes(found), name=name, test_fraction=test_fraction, seed=seed)
    read = _from_arrays(found, division, _Options(size=size, item_kind=item_kind), feature_names)
    return _halves(found, division, read)


class _Options(NamedTuple):
    """Options for reading a source."""

    label: str | None = None
    drop: Sequence[str] = ()
    columns: Sequence[str] | None = None
    size: tuple[int, int] | None = None
    item_kind: ItemKind = "auto"
    pixel_range: tuple[int, int] | None = None
    on_progress: Callable[[int, int], None] | None = None


class _Read(NamedTuple):
    splits: list[Split]  # one for each part of the division
    spec: ItemSpec
    label_names: list[str]
    feature_names: list[str]
    notes: list[str]
    label: str | None
    pixel_range: tuple[int, int] | None = None


def _sizes(found: Source) -> dict[str, int]:
    return {k: t.num_rows for k, t in found.tables.items()} or {k: _length(a, found) for k, a in found.arrays.items()}


def _read(found: Source, division: Division, options: _Options) -> _Read:
    if found.arrays:
        named = all(arrays.feature_names and arrays.lengths is not None for arrays in found.arrays.values())
        if options.drop and not named:
            raise UsageError(
                f"{found.where} is an array without named columns; --drop needs a table with named columns"
            )
        return _from_arrays(found, division, options)
    read = _from_tables(found, division, options)
    if options.item_kind not in ("auto", read.spec.kind):
        raise OtherKind(f"{found.where} contains {read.spec.noun}, not items of kind {options.item_kind!r}")
    return read


def _halves(found: Source, division: Division, read: _Read) -> Data:
    train, test = read.splits
    return Data(
        name=found.title,
        spec=read.spec,
        train=train,
        test=test,
        label_names=read.label_names,
        feature_names=read.feature_names,
        split=division.sentence,
        notes=read.notes,
        label=read.label,
        pixel_range=read.pixel_range,
    )


def _check_options(image_size: ImageSize, test_fraction: float, seed: int, item_kind: str) -> tuple[int, int] | None:
    items_in_arrays.check_kind(item_kind)
    if not 0 < test_fraction < 1:
        raise UsageError(f"test_fraction must lie between 0 and 1, not {test_fraction}")
    if seed < 0:
        raise UsageError(f"seed must not be negative, but is {seed}")
    if image_size is None:
        return None
    size = tuple(image_size) if isinstance(image_size, Sequence) else (image_size, image_size)
    if len(size) != 2 or not all(isinstance(s, int) and s > 0 for s in size):
        raise UsageError(f"image_size must be one or two positive numbers of pixels, not {image_size}")
    return size[0], size[1]


def _numpy(values: Any, name: str) -> np.ndarray:
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        return (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    try:
        return np.asarray(values)
    except ValueError:
        raise EccentricError(
            f"{name}: the rows have different lengths; make them equal, or give item_kind='sequence' for sequences"
        ) from None


# --- tables with named columns --------------------------------------------------------------------------------------


def _from_tables(found: Source, division: Division, options: _Options) -> _Read:
    label, size = options.label, options.size
    where, notes = found.where, [*found.notes, *division.notes]
    first = found.tables[division.parts[0].key]
    matrix = found.matrices.get(division.parts[0].key)
    columns: list[str] = first.column_names + (matrix.names if matrix else [])
    for part in division.parts:
        here = {*found.tables[part.key].column_names, *(matrix.names if matrix else [])}
        lacking = [c for c in columns if c not in here]
        if lacking:
            raise EccentricError(f"{where}: split {part.key!r} lacks {listing(lacking)}, which the training split has")
    drop = [options.drop] if isinstance(options.drop, str) else options.drop
    labelling.check_names("--drop", drop, columns, where)
    if label and label in drop:
        raise UsageError(f"{label!r} cannot be the label and be dropped; leave one of the two out")
    dropped = set(drop)
    left = [c for c in columns if c not in dropped]
    encoded = [f.name for f in first.schema if f.name not in dropped and images.is_encoded(f)]
    if found.image in encoded:
        encoded = [found.image]

    if label is None and found.label in left:
        label = found.label
    implicit = label is None
    own = set(first.column_names)  # columns of a matrix are not labels
    label, codes, names = _label(found, division, label, [c for c in left if c in own], notes)
    left = [c for c in left if c != label]
    if implicit and label and not encoded:
        notes.append(f"column {label!r} is used as the labels and not for training; --label '' keeps it as a feature")

    if encoded:
        if len(encoded) > 1:
            notes.append(f"images are read from column {encoded[0]!r}, not from {listing(encoded[1:])}")
        others = [c for c in left if c not in encoded]
        if label is None and others:
            notes.append(f"no labels; columns that could be used as labels: {listing(others, 12)}")
        size = size or found.size
        pixels = images.from_table(
            found.tables,
            division,
            encoded[0],
            where,
            size=size,
            crop=found.crop,
            pixel_range=options.pixel_range,
            on_progress=options.on_progress,
        )
        splits = _splits(division, pixels.x, codes, found.files)
        spec = ItemSpec("image", pixels.x[0].shape[1:], "uint8")
        return _Read(splits, spec, names, [], notes + pixels.notes, label, pixels.range)

    if options.item_kind == "sequence":
        left = left if options.columns is None else list(options.columns)
        labelling.check_names("columns", left, columns, where)
        lists = {part.key: sequence_files.from_lists(found.tables[part.key], left, where) for part in division.parts}
        for arrays in lists.values():
            sequences.check_lengths(arrays, where)
        padded, names_of_features, more = sequences.read(lists, division, where)
        spec = ItemSpec("sequence", padded[0].shape[1:])
        return _Read(_splits(division, padded, codes), spec, names, names_of_features, notes + more, label)

    if size is not None:
        raise OtherKind(f"{where} is a table, but image_size {size[0]}x{size[1]} needs images; leave it out")
    if options.columns is not None:
        labelling.check_names("columns", options.columns, left, where)
        left = list(options.columns)
    if matrix:
        rows, more = from_sparse(matrix, division, left, where)
        return _Read(_splits(division, rows, codes), ItemSpec("table", (len(left),)), names, left, notes + more, label)
    if options.columns is None:
        index, more = tables.row_names(found.tables, division, left)
        notes += more
        left = [c for c in left if c not in index]
    x, more = tables.from_columns(found.tables, division, left, where)
    return _Read(_splits(division, x, codes), ItemSpec("table", (len(left),)), names, left, notes + more, label)


def _label(
    found: Source, division: Division, label: str | None, columns: Sequence[str], notes: list[str]
) -> tuple[str | None, list[np.ndarray | None], list[str]]:
    """The column of labels, its codes for each part, and their names. Notes are appended to `notes`."""
    classes = labelling.class_names(found.tables[division.parts[0].key])
    implicit = label is None
    if implicit:
        label = labelling.usual_label(found.tables[division.parts[0].key], columns, classes)
    if not label:  # no labels found, or none wanted (empty string)
        return None, [None] * len(division.parts), []
    labelling.check_names("--label", [label], columns, found.where)
    values = [labelling.column_values(found.tables[p.key], label, p.rows, found.where) for p in division.parts]
    if implicit and not labelling.is_category(v for part in values for v in part.tolist()):
        notes.append(f"column {label!r} has the name of a label but contains fractions, so it is not used as labels")
        return None, [None] * len(division.parts), []
    codes, names, more = labelling.encode(values, division, column=label, source=found.where, names=classes.get(label))
    notes.extend(more)
    return label, codes, names


# --- arrays ---------------------------------------------------------------------------------------------------------


def _length(arrays: Arrays, found: Source) -> int:
    x, labels, where = arrays.x, arrays.labels, found.where
    if x.dtype.kind not in "buif":
        what = "objects or text" if x.dtype.kind in "OUST" else str(x.dtype)
        raise EccentricError(f"{where} contains {what}, not numbers; convert the array to a numeric type")
    if x.ndim not in (2, 3, 4) or (x.size == 0 and len(x) > 0):
        raise EccentricError(
            f"{where} has shape {x.shape}; a table is (n, f), images are (n, h, w) or have four axes, sequences are "
            "(n, steps, features)"
        )
    sequences.check_lengths(arrays, where)
    if labels is not None and (labels.ndim == 0 or labels.shape not in ((len(x),), (len(x), 1))):
        raise EccentricError(f"{where} has {len(x)} items but labels of shape {labels.shape}; give one label per item")
    return len(x)


def _from_arrays(
    found: Source, division: Division, options: _Options, feature_names: Sequence[str] | None = None
) -> _Read:
    where, notes = found.where, [*found.notes, *division.notes]
    arrays = {part.key: found.arrays[part.key] for part in division.parts}
    sequential = options.item_kind == "sequence" or any(a.lengths is not None for a in arrays.values())
    shapes = {a.x.shape[2:] if sequential else a.x.shape[1:] for a in arrays.values()}
    if len(shapes) > 1:
        raise EccentricError(f"{where}: training and test items differ in shape: {' and '.join(map(str, shapes))}")
    label, codes, names = _array_labels(arrays, division, options.label, where, notes)
    read = items_in_arrays.read(
        arrays,
        division,
        where,
        item_kind=options.item_kind,
        size=options.size,
        feature_names=feature_names,
        columns=_sequence_columns(next(iter(arrays.values())), options, where),
    )
    splits = _splits(division, read.x, codes, found.files)
    return _Read(splits, read.spec, names, read.feature_names, notes + read.notes, label)


def _sequence_columns(arrays: Arrays, options: _Options, where: str) -> Sequence[str] | None:
    """The features to take of sequences whose features have names; None for all."""
    if arrays.lengths is None or arrays.feature_names is None:
        return None
    if options.columns is not None:
        return options.columns
    drop = [options.drop] if isinstance(options.drop, str) else options.drop
    labelling.check_names("--drop", drop, arrays.feature_names, where)
    left = [name for name in arrays.feature_names if name not in drop]
    if not left:
        raise UsageError(f"{where} has no features left to learn from; drop fewer")
    return left


def _array_labels(
    arrays: Mapping[str, Arrays], division: Division, label: str | None, where: str, notes: list[str]
) -> tuple[str | None, list[np.ndarray | None], list[str]]:
    given = [a for a in arrays.values() if a.labels is not None]
    if label and (not given or label != given[0].label):
        raise UsageError(f"{where} has no labels named {label!r} (--label)")
    if label == "" or not given:
        return None, [None] * len(division.parts), []
    if len(given) < len(arrays):
        notes.append("no labels: only one of the splits has them")
        return None, [None] * len(division.parts), []
    column = given[0].label or "label"
    values = [np.ravel(arrays[p.key].labels)[p.rows] for p in division.parts]  # type: ignore[arg-type]
    codes, names, more = labelling.encode(values, division, column=column, source=where)
    notes.extend(more)
    return column, codes, names


def _splits(
    division: Division,
    x: Sequence[np.ndarray | SparseRows],
    codes: Sequence[np.ndarray | None],
    files: Mapping[str, list[str]] | None = None,
) -> list[Split]:
    return [
        Split(
            _tensor(values),
            code,
            part.rows,
            None if files is None else [files[part.key][row] for row in part.rows],
        )
        for values, code, part in zip(x, codes, division.parts, strict=True)
    ]


def _tensor(x: np.ndarray | SparseRows) -> torch.Tensor:
    """A tensor, or the sparse rows that take its place."""
    return cast("torch.Tensor", x) if isinstance(x, SparseRows) else torch.from_numpy(np.ascontiguousarray(x))
