"""How a model is trained: a fused `fit`, schedules, callbacks, checkpoints."""

from tfvae.host import lazy

__getattr__, __dir__, __all__ = lazy.attach(__name__, __file__)
