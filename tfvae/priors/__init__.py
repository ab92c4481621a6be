"""p(z): distributions without an input, as Keras layers that are never called."""

from tfvae.host import lazy

__getattr__, __dir__, __all__ = lazy.attach(__name__, __file__)
