"""The list of all methods."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from eccentric.errors import UsageError
from eccentric.methods.diversity import CosineDiversity, MutualAngle
from eccentric.methods.eccentric import Eccentric
from eccentric.methods.evenness import Evenness
from eccentric.methods.hyperspherical import HypersphericalVAE
from eccentric.methods.irmae import IRMAE, EccentricIRMAE
from eccentric.methods.koleo import KoLeo
from eccentric.methods.least_volume import LeastVolume
from eccentric.methods.linear import Linear
from eccentric.methods.mhe import MHE
from eccentric.methods.nested_dropout import NestedDropout
from eccentric.methods.pcaae import PCAAE
from eccentric.methods.plain import Plain
from eccentric.methods.projected_mhe import ProjectedMHE
from eccentric.methods.rae import RAEGP, RAEL2, RAESN
from eccentric.methods.sigreg import SIGReg
from eccentric.methods.uncertainty import UncertaintyAutoencoder
from eccentric.methods.uniformity import Uniformity
from eccentric.methods.vae import VAE, BetaVAE
from eccentric.methods.vicreg import VICReg
from eccentric.methods.vq_vae import VQVAE
from eccentric.methods.wae import WAEGAN, WAEMMD
from eccentric.settings import make, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eccentric.methods.base import Method

__all__ = ["DEFAULT", "METHODS", "PAPER_RIVALS", "REFERENCE", "find", "make_method", "make_settings", "register"]

METHODS: dict[str, type[Method]] = {
    method.name: method
    for method in (
        Eccentric,
        Plain,
        MHE,
        ProjectedMHE,
        CosineDiversity,
        MutualAngle,
        Evenness,
        IRMAE,
        EccentricIRMAE,
        SIGReg,
        VICReg,
        Uniformity,
        KoLeo,
        NestedDropout,
        PCAAE,
        Linear,
        LeastVolume,
        VAE,
        BetaVAE,
        HypersphericalVAE,
        VQVAE,
        WAEMMD,
        WAEGAN,
        RAEL2,
        RAEGP,
        RAESN,
        UncertaintyAutoencoder,
    )
}
DEFAULT = Eccentric.name
REFERENCE = Plain.name
"""The method without a regularizer, with which comparisons compare all others."""
PAPER_RIVALS = (VAE.name, IRMAE.name)
"""The methods with which Li & Blair (2021) compare theirs."""


def find(name: str) -> type[Method]:
    """Find a method by name.

    Raises:
        UsageError: there is no method of that name.
    """
    if name not in METHODS:
        raise UsageError(f"unknown method {name!r}{nearest(name, METHODS)}; choose one of {', '.join(METHODS)}")
    return METHODS[name]


def make_settings(name: str, values: Mapping[str, Any]) -> Any:
    """Create the settings of a method; settings that are not given keep their defaults.

    Raises:
        UsageError: the method or a setting is unknown, or a value is invalid.
    """
    return make(find(name).Settings, values, f"method {name!r}")


def known_settings(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Recorded settings without those that are unknown to this version of the method."""
    known = {field.name for field in fields(find(name).Settings)}
    return {setting: value for setting, value in values.items() if setting in known}


def check_settings(name: str, values: Mapping[str, Any], dim: int) -> Any:
    """Create the settings of a method for a number of latent dimensions.

    Raises:
        UsageError: as for `make_settings`, or the settings are incompatible with the number of dimensions.
    """
    settings = make_settings(name, values)
    find(name).check(settings, dim)
    return settings


def make_method(name: str, values: Mapping[str, Any], dim: int) -> Method:
    """Create a method with its initial state. Raises the errors of `check_settings`."""
    return find(name)(check_settings(name, values, dim), dim)


def register(method: type[Method]) -> type[Method]:
    """Register a custom method, so that it can be used by name everywhere; can be used as a decorator.

    Raises:
        ValueError: the name is taken by another method.
    """
    if METHODS.get(method.name, method) is not method:
        raise ValueError(f"there already is a method {method.name!r}; choose another name")
    METHODS[method.name] = method
    return method
