"""The documents' experiments, a folder for each subject. Importing them does not import TensorFlow."""

from tfvae.host import lazy

__getattr__, __dir__, __all__ = lazy.attach(__name__, __file__)
