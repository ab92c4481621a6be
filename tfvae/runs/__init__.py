"""Run directories: the whole record of a run."""

from tfvae.host import lazy

__getattr__, __dir__, __all__ = lazy.attach(__name__, __file__)
