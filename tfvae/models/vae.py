"""The variational autoencoder."""

import inspect
import warnings

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.callbacks import KLWarmUp
from tfvae.importance import StreamedLikelihood
from tfvae.layers.distribution_layer import next_seed
from tfvae.layers.kl import KLDivergenceAddLoss
from tfvae.layers.scales import LearnedScale
from tfvae.objectives import ELBO
from tfvae.priors import StandardNormal
from tfvae.saving import register
from tfvae.tensors import DistributionTensor, as_distribution
from tfvae.training import FastFit

tfd = tfp.distributions
_SAMPLE_ROWS = 2**16  # decoded at a time by `sample`


class Reconstruction(DistributionTensor):
    """p(x|z) that remembers the `posterior` q(z|x), with its z, from which it was decoded."""

    def __init__(self, p, posterior):
        super().__init__(p.distribution, p.value)
        self.posterior = posterior


@register
class VAE(FastFit, keras.Model):
    """q(z|x) = encoder(x), p(x|z) = decoder(z), p(z) = prior, trained on an objective.

    `fit(x)`, `fit(x, x)` and `fit(tf.data)` train it; `fit(x, y)` trains p(y|z) from x. Logs show `loss`, `reconstruction`
    (−log p(x|z)) and `kl`, in nats per example; in `evaluate` and under `val_` the loss is the negative ELBO at β = 1.

    Args:
        encoder: model whose output is a distribution layer's (a `DistributionTensor` whose value is a draw).
        decoder: model from z to a distribution layer's output; its value is what `predict` returns.
        prior: a `tfvae.priors.Prior`; None for N(0, I).
        objective: a `tfvae.objectives.Objective`; None for `ELBO()`.
    """

    def __init__(self, encoder, decoder, prior=None, objective=None, **kwargs):
        super().__init__(**kwargs)
        for layer in encoder._flatten_layers():
            if getattr(layer, "regularizer_state", None) is not None or isinstance(layer, KLDivergenceAddLoss):
                raise ValueError(
                    f"The encoder's layer {layer.name!r} adds a KL to the loss, and VAE adds its own: "
                    "leave out the KLDivergenceRegularizer or KLDivergenceAddLoss."
                )
        self.encoder, self.decoder = encoder, decoder
        self.prior = StandardNormal(encoder.output_shape[1:]) if prior is None else prior
        self.objective = ELBO() if objective is None else objective
        self.seed_generator = keras.random.SeedGenerator()
        self.reconstruction_metric = keras.metrics.Mean(name="reconstruction")
        self.kl_metric = keras.metrics.Mean(name="kl")
        self.scales = [layer for layer in decoder._flatten_layers() if isinstance(layer, LearnedScale)]
        self.scale_metric = keras.metrics.Mean(name="scale") if self.scales else None
        self._likelihoods = {}
        self.built = encoder.built and decoder.built

    def build(self, input_shape):
        if not self.built:
            self(tf.zeros([1, *input_shape[1:]]))
        self.built = True

    # The three acts.

    def encode(self, x):
        """q(z|x), of batch shape `(B,)`, with a draw as its value."""
        return self.encoder(_as_input(x), training=False)

    def decode(self, z):
        """p(x|z) for z of shape `(…, D)`, of batch shape `(…,)`."""
        return self._decode(tf.convert_to_tensor(z), training=False)

    def _decode(self, z, training):
        event_rank = len(self.prior.event_shape)
        leading = z.shape[: z.shape.rank - event_rank]
        if len(leading) == 1:
            return self.decoder(z, training=training)
        # Keras' functional decoders take one batch axis: fold the draws into it, and unfold the distribution.
        batch = tf.shape(z)[: len(leading)]
        p = self.decoder(tf.reshape(z, [-1, *self.prior.event_shape]), training=training)
        value = tf.reshape(p.value, tf.concat([batch, tf.shape(p.value)[1:]], axis=0))
        batch = leading if leading.is_fully_defined() else batch
        return DistributionTensor(tfd.BatchReshape(as_distribution(p, "VAE.decode"), batch), value)

    def call(self, x, training=None):
        q = self.encoder(x, training=training)
        as_distribution(q, "VAE (the encoder must end in a distribution layer; it)")
        p = self._decode(q.value, training)
        as_distribution(p, "VAE (the decoder must end in a distribution layer; it)")
        return Reconstruction(p, q)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        q = y_pred.posterior
        target = x if y is None else y
        terms = self.objective.terms(
            target if target.dtype.is_floating else tf.cast(target, y_pred.dtype),
            q.distribution,
            q.value,
            y_pred.distribution,
            self.prior.distribution(),
            self.objective.warm_up(self.optimizer.iterations) if training else 1.0,
            training,
        )
        self.reconstruction_metric.update_state(terms.reconstruction, sample_weight)
        self.kl_metric.update_state(terms.kl, sample_weight)
        if self.scales:
            self.scale_metric.update_state(tf.reduce_min([tf.reduce_min(s.value()) for s in self.scales]))
        weighted = terms.loss if sample_weight is None else terms.loss * tf.cast(sample_weight, terms.loss.dtype)
        total = tf.reduce_mean(weighted) + sum(tf.reduce_sum(loss) for loss in self.losses)
        # Keras sums the gradients of a distribution strategy's replicas.
        return total / tf.distribute.get_strategy().num_replicas_in_sync

    def compile(self, *args, **kwargs):
        """As `FastFit.compile`; a warm-up that was under way is over, since the new optimizer counts from 0."""
        super().compile(*args, **kwargs)
        self.objective.warm_up_steps.assign(0)

    def fit(self, *args, **kwargs):
        """As `keras.Model.fit`; raises ValueError for data that are not finite numbers, before any step is taken."""
        given = inspect.signature(super().fit).bind(*args, **kwargs).arguments
        for name in ("x", "y", "sample_weight", "validation_data"):
            _check_finite(name, given.get(name))
        callbacks = given.get("callbacks") or ()
        callbacks = callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]
        for warm_up in (c for c in callbacks if isinstance(c, KLWarmUp)):
            warm_up.waiting = [c for c in callbacks if isinstance(c, keras.callbacks.EarlyStopping)]
        history = super().fit(*args, **kwargs)
        self._warn_of_floor()
        return history

    def _warn_of_floor(self):
        for scale in self.scales:
            if scale.at_floor():
                warnings.warn(
                    f"The observation scale has reached its floor {scale.floor:g}: below it the likelihood would grow "
                    "without bound, so compare it only with models of the same floor.",
                    stacklevel=3,
                )

    # Use.

    def sample(self, n, seed=None, mean=False):
        """n draws from p(x) = ∫ p(x|z) p(z) dz, or the decoder means of n draws z, as an array `(n, *E)`."""
        pieces = []
        for start in range(0, n, _SAMPLE_ROWS):
            z_seed, x_seed = self._seeds(seed, start)
            p = self.decode(self.prior.sample(min(_SAMPLE_ROWS, n - start), seed=z_seed))
            pieces.append((p.mean() if mean else p.sample(seed=x_seed)).numpy())
        return np.concatenate(pieces) if pieces else np.zeros([0, *self.decoder.output_shape[1:]], "float32")

    def reconstruct(self, x, seed=None, mean=False):
        """A draw from p(x'|z), or its mean, with z ~ q(z|x), for each row of x."""
        z_seed, x_seed = self._seeds(seed, 0)
        p = self.decode(self.encode(x).distribution.sample(seed=z_seed))
        return (p.mean() if mean else p.sample(seed=x_seed)).numpy()

    def log_likelihood(self, x, num_samples=100, seed=0):
        """log p(x) of each row of x, in nats, by importance sampling.

        Returns:
            A `LikelihoodEstimate` of arrays `(N,)`: `log_likelihood`, its `standard_error`, `effective_sample_size`. In
            expectation the estimate is a lower bound that rises with `num_samples`.
        """
        x = np.asarray(x, keras.config.floatx())
        if num_samples < 1 or not len(x):
            raise ValueError(f"log_likelihood needs rows and num_samples >= 1, but got {len(x)} and {num_samples}.")
        _check_finite("x", x)
        rows = min(len(x), 512)
        chunk = int(np.clip(2**22 // (rows * max(x[0].size, 32)), 1, num_samples))
        use_xla = self._use_xla(len(x) * num_samples // 500)  # a step's arithmetic is about that of 500 draws
        key = (rows, chunk, x.shape[1:], use_xla)
        if key not in self._likelihoods:
            self._likelihoods[key] = StreamedLikelihood(self, rows, chunk, use_xla)
        return self._likelihoods[key](x, num_samples, seed)

    def _seeds(self, seed, start):
        """Two seeds as TFP takes them: from `seed`, or else from the model's own generator."""
        key = next_seed(self.seed_generator) if seed is None else tf.constant([seed, start], tf.int32)
        return tf.unstack(tfp.random.split_seed(key, 2))

    def get_config(self):
        nested = {name: getattr(self, name) for name in ("encoder", "decoder", "prior", "objective")}
        return {"name": self.name, **{k: keras.saving.serialize_keras_object(v) for k, v in nested.items()}}

    @classmethod
    def from_config(cls, config):
        return cls(**keras.saving.deserialize_keras_object(config))


def _as_input(x):
    return x if tf.is_tensor(x) else tf.convert_to_tensor(np.asarray(x, keras.config.floatx()))


def _check_finite(name, data):
    arrays = (np.asarray(a) for a in keras.tree.flatten(data) if hasattr(a, "__array__"))
    for array in arrays:
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            rows = np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))
            raise ValueError(
                f"`{name}` has NaN or infinite values in {len(rows)} of {len(array)} rows, first in row {rows[0]}: "
                "remove or fill them before training."
            )
