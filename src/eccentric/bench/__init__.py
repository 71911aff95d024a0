"""Benchmarks of speed: all results are ratios to a rival measured in the same process."""
