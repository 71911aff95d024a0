"""The Eccentric loss and its gradient: a reference implementation, and faster ones that must agree with it.

Kernels do not check their input, which `eccentric.loss` does. They compute in the given dtype, float32 or float64.
"""
