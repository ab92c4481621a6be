"""Data sets: synthetic ones with a known density, and tables of the user's own."""

from tfvae.host import lazy

__getattr__, __dir__, __all__ = lazy.attach(__name__, __file__)
