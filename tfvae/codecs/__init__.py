"""The two ways between rows as the user has them and vectors as a model takes them."""

from tfvae.host import lazy

__getattr__, __dir__, __all__ = lazy.attach(__name__, __file__)
