"""Layers and networks, and what they compute that is differentiable."""
