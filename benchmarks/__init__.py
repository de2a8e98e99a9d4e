"""Measurements: `make bench` and `make eval`. They print and never assert; machines are noisy."""
