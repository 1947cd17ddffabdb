"""The product's own benchmarks, each beside its limit."""
