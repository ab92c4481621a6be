"""TFP's distribution layers for Keras 3, with TFP's names, arguments and densities, and a few beyond TFP."""

from tfvae.host import lazy

__getattr__, __dir__, __all__ = lazy.attach(__name__, __file__)
