"""Comparisons of methods on the same data and budget (`compare`), and of runs (`runs`)."""

from eccentric.comparison.methods import Stopped, compare
from eccentric.comparison.plan import Setup
from eccentric.comparison.runs import Comparison, write_comparison

__all__ = ["Comparison", "Setup", "Stopped", "compare", "write_comparison"]
