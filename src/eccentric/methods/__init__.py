"""Training methods of an autoencoder: one file for each method, the contract (`base`) and the list (`registry`)."""

from eccentric.methods.base import Method, NoSettings, Outputs, Term, Traits
from eccentric.methods.eccentric import Eccentric
from eccentric.methods.plain import Plain
from eccentric.methods.registry import DEFAULT, METHODS, find, make_method, make_settings, register

__all__ = [
    "DEFAULT",
    "METHODS",
    "Eccentric",
    "Method",
    "NoSettings",
    "Outputs",
    "Plain",
    "Term",
    "Traits",
    "find",
    "make_method",
    "make_settings",
    "register",
]
