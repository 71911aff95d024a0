"""The width of a network: one factor on the channels of its hidden layers."""

from __future__ import annotations


def scaled(channels: int, width: float) -> int:
    """`channels` times the factor `width`, rounded to the nearest whole number; at least 1."""
    return max(1, round(channels * width))
