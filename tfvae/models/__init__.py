"""Models and the functions that make them."""

from tfvae.host import lazy

__getattr__, __dir__, __all__ = lazy.attach(__name__, __file__)
