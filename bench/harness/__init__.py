"""Measures the shop beside its peers and beside what the machine can do at all. `bench/run` is the door."""
