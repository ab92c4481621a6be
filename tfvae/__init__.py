"""Variational autoencoders for data with many modes, on Keras 3 and TensorFlow Probability."""

from tfvae.host import lazy
from tfvae.host.requirements import check_host

check_host()
lazy.register_with_keras()

__getattr__, __dir__, __all__ = lazy.attach(__name__, __file__)
