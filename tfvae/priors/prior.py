"""The noun: a distribution without an input."""

import weakref
from typing import Any, ClassVar

import keras

from tfvae.distributions.mixtures import diagonal_normal
from tfvae.host.arguments import as_shape
from tfvae.host.precision import float32_policy


class Prior(keras.layers.Layer):
    """Abstract: p(z), with its trainable parameters as Keras weights.

    A layer that is never called: a subclass creates its weights in `__init__` and defines `distribution()`. It trains
    and is saved with the model that holds it.

    Args:
        event_shape: shape of one z.
    """

    support: ClassVar[str] = "real"  # of z: "counts" and "one-hot" have no gradient along z

    def __init__(self, event_shape: Any, **kwargs: Any):
        super().__init__(**float32_policy(kwargs))
        self.event_shape = as_shape(event_shape)
        self.started = False  # on data, by a subclass's `start_at`
        self.built = True

    def distribution(self) -> Any:
        """The `tfd.Distribution` p(z), with the current parameters."""
        raise NotImplementedError(f"{type(self).__name__} must define `distribution()`.")

    def near(self, q: Any, x: Any = None) -> Any:
        """p(z) for z near the posteriors q: `distribution()`, or a cheaper lower bound of it with a batch shape of `(B,)`.

        Args:
            q: q(z|x), of batch shape `(B,)`.
            x: in training the examples, `(B, *E)`, for a prior that they are part of; else None.
        """
        return self.distribution()

    def gap(self, q: Any, z: Any, near: Any) -> Any:
        """An upper bound of log p(z) − near.log_prob(z) in nats, where `near(q)` leaves a part of p(z) out; else None."""
        del q, z, near

    def posterior(self, q: Any) -> Any:
        """q(z|x) of what the encoder returned, `DistributionTensor` to `DistributionTensor`: the same for most priors.

        A prior that shapes the posterior, as the rates of a Poisson prior multiply the encoder's, does it here: training,
        importance sampling, annealing and measures of the latent space all take q from here.
        """
        return q

    @property
    def num_terms(self) -> int:
        """How many numbers `near(q).log_prob` holds for each z: what the chunks of a likelihood estimate are sized by."""
        return 1

    def refresh(self) -> None:
        """Brings what the prior has computed ahead up to date: called when a fit begins and at the end of its epochs."""

    def attach(self, encoder: Any) -> None:
        """Called by the model that holds this prior and `encoder`, for priors that are made by it."""

    def sample(self, n: int, seed: int | None = None) -> Any:
        """n draws, of shape `(n, *event_shape)`."""
        return self.distribution().sample(n, seed=seed)

    def log_prob(self, z: Any) -> Any:
        """log p(z) in nats, of shape `z.shape` without the event."""
        return self.distribution().log_prob(z)

    def get_config(self) -> dict:
        return {**super().get_config(), "event_shape": list(self.event_shape)}


class EncodedPrior(Prior):
    """Abstract: a prior made of encodings q(z|u) of points u, by the encoder of the model that holds it.

    The encoder is the model's: it is trained, saved and counted there, and only referred to here.
    """

    _encoder: Any = None
    points_shape: tuple[int, ...] = ()  # of one u

    def attach(self, encoder: Any) -> None:
        if tuple(encoder.input_shape[1:]) != self.points_shape:
            raise ValueError(
                f"{type(self).__name__} holds points of shape {self.points_shape}, but the encoder takes "
                f"{tuple(encoder.input_shape[1:])}."
            )
        self._encoder = weakref.ref(encoder)  # no attribute that Keras would track a second time

    @property
    def encoder(self) -> Any:
        """The encoder of the model that holds this prior; ValueError where none does."""
        encoder = self._encoder and self._encoder()
        if encoder is None:
            raise ValueError(f"{type(self).__name__} belongs to a model: give it to a VAE before it is used.")
        return encoder

    def encode(self, points: Any) -> Any:
        """(means, standard deviations) of q(z|u), each `(n, D)`, as the encoder gives it outside training."""
        q = self.encoder(points, training=False).distribution
        normal = diagonal_normal(q)
        if normal is None:
            raise ValueError(
                f"{type(self).__name__} is for posteriors of independent normals, but got {type(q).__name__}."
            )
        return normal
