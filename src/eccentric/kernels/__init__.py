"""The Eccentric loss and its gradient: one specification, and implementations that must agree with it.

Kernels trust their input: `eccentric.loss` has checked it. They work in the dtype they are given, float32 or float64.
"""
