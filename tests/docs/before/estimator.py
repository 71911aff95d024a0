"""A table."""

from sklearn.datasets import load_digits

X = load_digits().data[:400]
