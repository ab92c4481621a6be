"""A look into the latent space of a finished run: a page that needs no server, and a widget for notebooks."""

from tfvae.host import lazy

__getattr__, __dir__, __all__ = lazy.attach(__name__, __file__)
