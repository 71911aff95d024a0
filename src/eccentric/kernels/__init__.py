"""The Eccentric loss and its gradient: a reference implementation, and faster implementations tested against it.

Kernels do not check their input; `eccentric.loss` does. They compute in the given dtype, float32 or float64.
"""
