"""Measurements that speed claims rest on: every figure a ratio to a rival that ran beside it."""
