"""Arrays in, matplotlib figures out. Nothing here knows a model."""

from tfvae.host import lazy

__getattr__, __dir__, __all__ = lazy.attach(__name__, __file__)
