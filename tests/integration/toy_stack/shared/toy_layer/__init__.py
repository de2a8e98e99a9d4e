"""A layer's package."""

LAYER = "shared"
