"""The contract of a training method: the terms of its objective in addition to the reconstruction error.

Every objective is

    mean squared error  +  sum_k weight_k * term_k

where the mean is over items and over the values of an item, in standardised units. A method defines the terms and how
the networks are called. Training, metrics, checkpoints, reports, the command line and the estimator use only this
interface, so that a new method is one file and one line in `registry.METHODS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from torch import nn

from eccentric.collectives import from_first_rank, union

if TYPE_CHECKING:
    import torch
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["Method", "NoSettings", "Outputs", "Term", "Traits", "Tuned", "Variant"]


class Term(NamedTuple):
    """One term of the objective."""

    value: Tensor
    """Scalar in float32, before multiplication by the weight."""
    weight: float | Tensor
    """Its factor in the objective."""
    over: Literal["items", "union"] = "items"
    """On several ranks: "items" is a mean over the items of one rank, to be averaged over the ranks by their numbers of
    items; "union" is computed from the batches of all ranks together (see `Method.union`) or from weights alone."""


class Outputs(NamedTuple):
    """Outputs of the networks for a batch."""

    z: Float[Tensor, "b d"]
    """The deterministic latents, as `Method.encode` gives them: the metrics and most terms are computed from these."""
    reconstruction: Float[Tensor, "b ..."]
    """Reconstruction in standardised units."""
    extra: dict[str, Tensor]
    """Other tensors that `Method.terms` needs."""


@dataclass(frozen=True)
class Traits:
    """Properties of a method that the rest of the library needs."""

    capturable: bool = True
    """Whether a step can be recorded as a CUDA graph: no shapes or branches that depend on the values of tensors."""
    compilable: bool = True
    """Whether `forward` works with torch.compile, which does not support second derivatives."""
    has_spectrum: bool = True
    """Whether the latents are continuous, so that they have a covariance and principal components."""
    starts_from_pca: bool = True
    """Whether the first `dim` outputs of the encoder are the latents, so that a table's network can start from PCA."""
    samplings: tuple[str, ...] = ("matched", "standard", "mixture")
    """Ways of sampling latents that suit the method, the most natural first; see `Method.own_samplings` for others."""
    kinds: tuple[str, ...] = ("image", "table", "sequence")
    """Kinds of items that the method supports. Sequences have different lengths, and x is NaN beyond their ends."""
    axes: Literal["principal", "own"] = "principal"
    """Definition of the components: the principal axes of the latents, or the latent coordinates in their own order, if
    training orders them.
    """
    scheduled: bool = False
    """Whether the objective depends on the completed fraction of the training. Such a training cannot be prolonged."""
    architecture: str | None = None
    """The only architecture that the method supports, which "auto" then selects; None if any architecture is supported.
    """


class Tuned(NamedTuple):
    """The setting of a method that a comparison tunes."""

    setting: str
    """Its name; a method without such a setting is not tuned."""
    values: tuple[float, ...] = ()
    """Values to try, ascending, with the default among them; if empty, 0.1, 1 and 10 times the default."""


class Variant(NamedTuple):
    """A method with settings other than its defaults, as a row of its own in a comparison."""

    settings: dict[str, Any]
    """The settings that are not defaults."""
    suffix: str
    """Text appended to the title of the method."""
    tuned: Tuned = Tuned("weight")


@dataclass(frozen=True)
class NoSettings:
    """Settings of a method that has none."""


class Method(nn.Module):
    """A training objective for an encoder and a decoder.

    A method is a module: parameters that it trains besides the networks, and buffers such as running averages, are part
    of the model. The optimizer, checkpoints and `model.safetensors` hold them without further code.

    Args:
        settings: an instance of `Settings`.
        dim: number of latent dimensions, d.

    Attributes:
        name: name in the registry, on the command line and in config.json.
        title: name for readers.
        Settings: frozen dataclass with fields created by `eccentric.settings.setting`. It raises `UsageError` for
            values out of range.
        term_titles: keys of `terms`, in order, with their names for readers.
        own_samplings: ways of sampling implemented by `sample`, each with a sentence for readers.
        traits: see `Traits`.
        tuned: the setting that a comparison tunes.
        variants: further rows of a comparison, by name.
        published: results published elsewhere, as a text for readers of a comparison. Subclasses do not inherit it.
        sync: whether the batch is distributed over several ranks; set by the training step.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    Settings: ClassVar[type[Any]] = NoSettings
    term_titles: ClassVar[dict[str, str]] = {}
    own_samplings: ClassVar[dict[str, str]] = {}
    traits: ClassVar[Traits] = Traits()
    tuned: ClassVar[Tuned] = Tuned("weight")
    variants: ClassVar[dict[str, Variant]] = {}
    published: ClassVar[str] = ""

    def __init__(self, settings: Any, dim: int) -> None:
        super().__init__()
        self.settings, self.dim = settings, dim
        self.sync = False

    @classmethod
    def check(cls, settings: Any, dim: int) -> None:
        """Raise `UsageError` if the settings are incompatible with the number of dimensions."""

    @property
    def encoder_width(self) -> int:
        """Number of outputs of the encoder; 2 * dim for a Gaussian posterior."""
        return self.dim

    @property
    def decoder_width(self) -> int:
        """Number of inputs of the decoder, the latents."""
        return self.dim

    def prepare(self, encoder: nn.Module, decoder: nn.Module) -> tuple[nn.Module, nn.Module]:
        """Adapt the networks to the method, for example by spectral normalisation.

        Called once for a new model, and once when a saved model is opened, before its weights are loaded.
        """
        return encoder, decoder

    def forward(self, encoder: nn.Module, decoder: nn.Module, x: Float[Tensor, "b ..."]) -> Outputs:
        """Call the networks on a batch of standardised data.

        Fabric wraps this method: autocast, torch.compile and the exchange of gradients apply only to network calls made
        here. Under autocast, the output of the encoder may be bfloat16; `terms` receives float32.
        """
        z = self.encode(encoder(x))
        return Outputs(z, decoder(z), {})

    def terms(
        self, outputs: Outputs, x: Float[Tensor, "b ..."], encoder: nn.Module, decoder: nn.Module
    ) -> dict[str, Term]:
        """Terms of the objective in addition to the mean squared error, by the names in `term_titles`, in float32.

        Args:
            outputs: outputs of `forward`, in float32.
            x: the standardised batch.
            encoder, decoder: networks, for terms that depend on their weights; they must not be called here.
        """
        return {}

    def encode(self, h: Float[Tensor, "n w"]) -> Float[Tensor, "n d"]:
        """The deterministic latent of each item, computed from the output of the encoder; it is the input of the
        decoder.
        """
        return h

    def sample(
        self, sampling: str, n: int, z: Float[Tensor, "m d"], generator: torch.Generator
    ) -> Float[Tensor, "n d"]:
        """Random latents by one of `own_samplings`, for the decoder; float32, on the CPU.

        Use `eccentric.evaluation.random_latents.random_latents`, which also supports the ways of sampling that all
        methods share.

        Args:
            sampling: a key of `own_samplings`.
            n: number of latents.
            z: latents of the training items, on the CPU, for distributions that must be fitted.
            generator: the only source of random numbers, on the CPU.
        """
        raise NotImplementedError(f"method {self.name!r} implements no sampling")

    def before_step(self, progress: float) -> None:
        """Called before each step with the completed fraction of the training, from 0 to 1."""

    def after_step(self) -> None:
        """Called after each step of the optimizer, for example to update moving averages."""

    @classmethod
    def estimator_settings(cls, given: dict[str, Any], dim: int) -> dict[str, Any]:
        """Settings for `EccentricAutoencoder`: the given ones, and defaults for standardised data."""
        return given

    @classmethod
    def objective(cls, settings: Any) -> str:
        """The objective in one line, for the report."""
        terms = [f"{title} (weight {getattr(settings, 'weight', 1):g})" for title in cls.term_titles.values()]
        return " + ".join(["mean squared error", *terms])

    @classmethod
    def about_spectrum(cls, settings: Any) -> str:
        """Effect of the method on the spectrum, as a sentence for the report; may be empty."""
        return ""

    def union(self, z: Float[Tensor, "b ..."]) -> Float[Tensor, "B ..."]:
        """Concatenated rows of all ranks, for terms with `over="union"`; with one rank, z itself.

        If every rank computes the same function of the union and the gradients of the ranks are averaged, the result is
        the gradient of one process with the whole batch.
        """
        return union(z) if self.sync else z

    def shared(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """The tensor of the first rank, on every rank, for random numbers in a term of the union batch."""
        return from_first_rank(x) if self.sync else x
