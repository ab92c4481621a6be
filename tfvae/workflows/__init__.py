"""Fits to the user's own data, as functions: what the command calls."""

from tfvae.host import lazy

__getattr__, __dir__, __all__ = lazy.attach(__name__, __file__)
