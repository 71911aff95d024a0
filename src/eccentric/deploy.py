"""Export of a trained model as one program for other runtimes, from raw data to components and back.

The program contains all steps between the user's data and the components: the units of the data, the networks, the
method's map from the encoder output to the latents, and the principal components. It needs neither this package nor
the training data. Formats:

- .pt2 (`torch.export`): for PyTorch, `torch.export.load(path).module()`, and its compilers.
- .onnx: for ONNX Runtime and other runtimes.

A written program is run on a few items before it is kept. Its results and those of the model, both in float32, are
compared with those of the model in double precision. The program may be wrong by 1e-5, or by four times as much as the
model itself: in deep networks, rounding alone can change the results of float32 by more than 1e-5, and another order of
the same sums rounds differently.
"""

from __future__ import annotations

import copy
import json
import logging
import math
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import torch
from torch import nn

from eccentric._version import versions
from eccentric.errors import EccentricError, UsageError
from eccentric.files import atomic
from eccentric.inference import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxtyping import Float, Shaped
    from torch import Tensor

    from eccentric.components import DeepComponents
    from eccentric.data.items import ItemSpec
    from eccentric.models import Autoencoder
    from eccentric.runs import Run

__all__ = ["FORMATS", "PARTS", "TOLERANCE", "Exported", "Part", "export", "export_run"]

Part = Literal["autoencoder", "encoder", "decoder"]
PARTS: tuple[Part, ...] = get_args(Part)
FORMATS = ("pt2", "onnx")
TOLERANCE = 1e-5
# PyTorch 2.6 refuses chunk() and split() of a batch without an upper limit.
BATCH = torch.export.Dim("batch", max=2**31)
# How much larger than the model's own error that of a correct program may be. Over 22 draws of random weights of the
# deepest architecture, it was 0.6 to 2.4 times as large.
ROUNDING = 4
_OUTPUTS = {"autoencoder": ("p", "reconstruction"), "encoder": ("p",), "decoder": ("x",)}


class Exported(NamedTuple):
    """An exported program, and how far its results and those of the model are from double precision.

    Errors are the largest difference over the checked items, relative to the largest number of the result. Items are
    compared in standardised units.
    """

    path: Path
    error: float
    """Error of the program."""
    own_error: float
    """Error of the model itself in float32."""


class Program(nn.Module):
    """The exported computation as a module that uses only tensors.

    Args:
        model: trained model.
        components: components of its latents; None for a method without a spectrum, for which p are the latents.
        shape: shape of one item as used by the networks.
        part: "autoencoder" is x -> (p, reconstruction), "encoder" x -> p, "decoder" p -> x.
        item_shape: shape of one item in the input and output of the program; `shape` by default.
    """

    basis: Tensor | None
    mean: Tensor | None

    def __init__(
        self,
        model: Autoencoder,
        components: DeepComponents | None,
        shape: tuple[int, ...],
        part: Part,
        item_shape: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__()
        # Channels-last weights, which are faster in this package, would be exported as transposed copies.
        self.model = copy.deepcopy(model).cpu().to(memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]
        self.part, self.shape, self.item_shape = part, shape, item_shape or shape
        # Every runtime supports float32.
        self.register_buffer("basis", None if components is None else components.basis.float())
        self.register_buffer("mean", None if components is None else components.mean.float())

    def forward(self, given: Shaped[Tensor, "n ..."]) -> Any:
        if self.part == "decoder":
            return self._decoded(given if self.basis is None or self.mean is None else given @ self.basis + self.mean)
        z = self.model.encode(given.reshape(-1, *self.shape))
        p = z if self.basis is None or self.mean is None else (z - self.mean) @ self.basis.T
        return p if self.part == "encoder" else (p, self._decoded(z))

    def _decoded(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n ..."]:
        return self.model.decode(z).reshape(-1, *self.item_shape)


def export_run(
    run: Run,
    path: str | Path,
    part: Part = "autoencoder",
    *,
    encoder: nn.Module | None = None,
    decoder: nn.Module | None = None,
) -> Exported:
    """Export a trained run, and check the program on the run's test examples.

    Args:
        run: an opened run folder.
        path: file to write, .pt2 or .onnx.
        part: as for `export`.
        encoder, decoder: the modules, if the run was trained with custom modules.

    Raises:
        UsageError, EccentricError: as for `export`, or the run is not complete.
    """
    check_path(Path(path))
    components = run.components if run.has_spectrum else None
    return export(run.model(encoder, decoder), components, run.spec, run.examples, path, part, run.feature_names)


def export(
    model: Autoencoder,
    components: DeepComponents | None,
    spec: ItemSpec,
    examples: Shaped[Tensor, "k ..."],
    path: str | Path,
    part: Part = "autoencoder",
    feature_names: list[str] | None = None,
    item_shape: tuple[int, ...] | None = None,
) -> Exported:
    """Write a model as a program, and check its results against those of the model in double precision.

    The program accepts batches of any size: x is (n, *shape) in the units of the data (uint8 images from 0 to 255, or
    float32), and p is (n, d) float32 along the components. Decoded items are float32 in the units of the data and are
    not rounded. For a method without principal components, p is the latent vector.

    Args:
        model, components, spec: trained model, its components, and the specification of an item.
        examples: raw items on which the program is checked, one by one and in one batch.
        path: file to write; the suffix, .pt2 or .onnx, determines the format.
        part: "autoencoder" is x -> (p, reconstruction), "encoder" x -> p, "decoder" p -> x.
        feature_names: names of the columns of a table, for the metadata of the program.
        item_shape: shape of one item in the input and output of the program; that of `spec` by default.

    Raises:
        UsageError: the suffix or the part is unknown.
        EccentricError: a package is missing, PyTorch cannot export the networks, or the error of the program is more
            than 1e-5 and more than four times that of the model itself in float32. In this case nothing is written.
            Networks that cannot compute in double precision are compared in float32, to 1e-5.
    """
    path = Path(path)
    form = check_path(path)
    if part not in PARTS:
        raise UsageError(f"unknown part {part!r}; choose one of {', '.join(PARTS)}")
    program = Program(model, components, tuple(spec.shape), part, item_shape).requires_grad_(False)
    shape, examples = item_shape or tuple(spec.shape), examples[:8]
    given = examples.reshape(-1, *shape)
    if part == "decoder":
        z = encode(model, examples)
        given = z if components is None else components.encode(z)
    own = _results(model, components, spec, part, given)
    try:
        exact = _results(copy.deepcopy(model).cpu().double(), components, spec, part, given.double())
    except RuntimeError:  # from networks that convert to float32 themselves
        exact = own
    own_error = max(_error(model, spec, *one) for one in zip(_OUTPUTS[part], own, exact, strict=True))
    described = {**_described(spec, components, part, feature_names), "method": model.method.name}
    with atomic(path) as temporary:
        if form == "onnx":
            _write_onnx(program, given, temporary, described)
        else:
            torch.export.save(
                _exported(program, given), temporary, extra_files={"eccentric.json": json.dumps(described)}
            )
        results = _opened(temporary, form)
        error = 0.0
        for rows in (slice(0, 1), slice(None)):
            found = results(given[rows])
            for name, one, wanted in zip(_OUTPUTS[part], found, exact, strict=True):
                wanted_shape = (len(given[rows]), *(wanted.shape[1:] if name == "p" else shape))
                if one.shape != wanted_shape:
                    raise EccentricError(
                        f"the exported program makes {name} of shape {tuple(one.shape)}, not {wanted_shape}"
                    )
                error = max(error, _error(model, spec, name, one, wanted[rows]))
        allowed = max(TOLERANCE, ROUNDING * own_error)
        if not error <= allowed:
            raise EccentricError(
                f"the exported {part} differs from the model in double precision by {error:.1g}, the model in float32 "
                f"by {own_error:.1g}; it was not written, because more than {allowed:.1g} is more than rounding"
            )
    return Exported(path, error, own_error)


def check_path(path: Path) -> str:
    """The format of a file name. Raises UsageError for another suffix, EccentricError if packages are missing."""
    form = path.suffix.lower().removeprefix(".")
    if form not in FORMATS:
        raise UsageError(f"programs are written as .pt2 or .onnx, not {path.name!r}")
    if form == "onnx":
        try:
            import onnxruntime  # noqa: F401
            import onnxscript  # noqa: F401
        except ModuleNotFoundError as error:
            raise EccentricError(
                f".onnx files need {error.name}, which is not installed; install eccentric with the extra 'export', or "
                "choose the format pt2"
            ) from None
    return form


def _described(
    spec: ItemSpec, components: DeepComponents | None, part: Part, names: list[str] | None
) -> dict[str, Any]:
    return {
        "part": part,
        "item": spec.to_json(),
        "feature_names": names or [],
        "variances": [] if components is None else components.eigenvalues.tolist(),
        "versions": versions(),
    }


def _exported(program: Program, given: Tensor) -> torch.export.ExportedProgram:
    # two rows, because PyTorch treats the sizes 0 and 1 as constants
    rows = given[torch.arange(2) % len(given)].contiguous()
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # from PyTorch, for example about GRUs
            return torch.export.export(program, (rows,), dynamic_shapes=({0: BATCH},))
    except Exception as error:  # of many classes, most of which are private
        raise EccentricError(f"PyTorch cannot export this {program.part}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    """The first line of a message of PyTorch, without the codes of colours."""
    text = re.sub(r"\x1b\[[\d;]*m", "", str(error)).strip()
    return text.partition("\n")[0] or type(error).__name__


def _write_onnx(program: Program, given: Tensor, path: Path, described: dict[str, Any]) -> None:
    exported = _exported(program, given)
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            written = torch.onnx.export(
                exported,
                input_names=["p" if program.part == "decoder" else "x"],
                output_names=list(_OUTPUTS[program.part]),
                dynamo=True,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        raise EccentricError(f"PyTorch cannot write this {program.part} as .onnx: {_first_line(error)}") from error
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
    assert written is not None
    written.model.metadata_props["eccentric"] = json.dumps(described)
    written.save(path, external_data=False)


def _opened(path: Path, form: str) -> Callable[[Tensor], tuple[Tensor, ...]]:
    """Load the written program as a function."""
    if form == "pt2":
        module = torch.export.load(path).module()

        def run_pt2(given: Tensor) -> tuple[Tensor, ...]:
            with torch.no_grad():
                found = module(given)
            return found if isinstance(found, tuple) else (found,)

        return run_pt2
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def run_onnx(given: Tensor) -> tuple[Tensor, ...]:
        found = session.run(None, {session.get_inputs()[0].name: given.numpy()})
        return tuple(torch.from_numpy(one) for one in found)

    return run_onnx


def _results(
    model: Autoencoder, components: DeepComponents | None, spec: ItemSpec, part: Part, given: Tensor
) -> tuple[Tensor, ...]:
    """What the program should make of `given`, in the dtype of the model; items in the shape of `spec`."""
    if part == "decoder":
        return (decode(model, given if components is None else components.decode(given)),)
    z = encode(model, given.reshape(-1, *spec.shape))
    p = z if components is None else components.encode(z)
    return (p,) if part == "encoder" else (p, decode(model, z))


def _error(model: Autoencoder, spec: ItemSpec, name: str, found: Tensor, exact: Tensor) -> float:
    """Largest difference, relative to the largest number; infinite if there are nan."""
    found, exact = found.double(), exact.double()
    if name != "p":
        found, exact = (model.standardize(one.reshape(-1, *spec.shape)) for one in (found, exact))
    tiny = torch.finfo(torch.float32).tiny
    error = ((found - exact).abs().max() / exact.abs().max().clamp(min=tiny)).item()
    return math.inf if math.isnan(error) else error
