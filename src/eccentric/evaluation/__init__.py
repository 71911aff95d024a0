"""Evaluation of encodings by simple classifiers, and of samples by their fidelity (Tables 1, 3 to 5)."""
