"""Benchmarks, run by `jikimi bench`."""
