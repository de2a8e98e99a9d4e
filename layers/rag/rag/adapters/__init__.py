"""Adapters: each implements a port of the domain with one vendor's client."""
