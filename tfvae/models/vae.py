"""The variational autoencoder."""

import inspect
import math
import warnings

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.callbacks import KLWarmUp
from tfvae.distributions import Unfolded
from tfvae.importance import StreamedLikelihood
from tfvae.layers.distribution_layer import DistributionLayer, as_count, next_seed
from tfvae.layers.kl import KLDivergenceAddLoss
from tfvae.layers.scales import LearnedScale
from tfvae.objectives import ELBO, Objective
from tfvae.priors import Prior, StandardNormal
from tfvae.saving import register
from tfvae.tensors import DistributionTensor, as_distribution
from tfvae.training import FastFit

tfd = tfp.distributions
_SAMPLE_ROWS, _SAMPLE_NUMBERS = 2**16, 2**25  # decoded at a time by `sample`, at most
_COPIES = 16  # of a chunk's largest tensor that are alive at a time, about


class Reconstruction(DistributionTensor):
    """p(x|z) that remembers the `posterior` q(z|x), with its z, from which it was decoded."""

    def __init__(self, p, posterior):
        super().__init__(p.distribution, p.value)
        self.posterior = posterior


@register
class VAE(FastFit, keras.Model):
    """q(z|x) = encoder(x), p(x|z) = decoder(z), p(z) = prior, trained on an objective.

    `fit(x)`, `fit(x, x)` and `fit(tf.data)` train it; `fit(x, y)` trains p(y|z) from x. Logs show `loss`, `reconstruction`
    (−log p(x|z)) and `kl`, in nats per example; in `evaluate` and under `val_` the loss is the objective's bound at β = 1.

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
        if not isinstance(prior, (Prior, type(None))) or not isinstance(objective, (Objective, type(None))):
            raise ValueError(
                "`prior` must be a tfvae.priors.Prior and `objective` a tfvae.objectives.Objective, but got "
                f"{prior!r} and {objective!r}."
            )
        self.encoder, self.decoder = encoder, decoder
        self.prior = StandardNormal(encoder.output_shape[1:]) if prior is None else prior
        event, given = tuple(self.prior.event_shape), tuple(encoder.output_shape[1:])
        if not event or given not in (event, (None, *event)):  # a posterior of several draws leads with them
            raise ValueError(f"The prior is over z of shape {event}, but the encoder gives z of shape {given}.")
        self.prior.attach(encoder)
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

    @property
    def data_shape(self):
        """Shape of one x."""
        return tuple(self.encoder.input_shape[1:])

    @property
    def numbers_per_draw(self):
        """How many numbers the decoder's widest layer holds for each z, by which draws are decoded in chunks."""
        nodes = [node for layer in self.decoder._flatten_layers() for node in layer._inbound_nodes]
        shapes = [t.shape[1:] for node in nodes for t in node.output_tensors]
        return max([32, *(math.prod(shape) for shape in shapes if None not in shape)])

    @property
    def latent_shape(self):
        """Shape of one z."""
        return tuple(self.prior.event_shape)

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
        return DistributionTensor(Unfolded(as_distribution(p, "VAE.decode"), batch), value)

    def call(self, x, training=None):
        q = self.encoder(x, training=training)
        as_distribution(q, "VAE (the encoder must end in a distribution layer; it)")
        p = self._decode(q.value, training)
        as_distribution(p, "VAE (the decoder must end in a distribution layer; it)")
        return Reconstruction(p, q)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        share = self._beta_share() if training else 1.0
        terms = self.terms(x if y is None else y, y_pred, share, training, inputs=x)
        self._track(terms.reconstruction, terms.kl, sample_weight, self.smallest_scale())
        return self._total(weighted_mean(terms.loss, sample_weight))

    def terms(self, x, y_pred, beta_share=1.0, training=False, inputs=None):
        """The objective's `Terms` of each example x, `(B, *E)`, for what `call` returned for `inputs` (x itself if None)."""
        x = x if x.dtype.is_floating else tf.cast(x, y_pred.dtype)
        q, z, p, log_shares = y_pred.posterior.distribution, y_pred.posterior.value, y_pred.distribution, None
        layer = self.posterior_layer
        if training:
            self._check_gradient(q, layer)
        if self.objective.num_draws > 1 or getattr(layer, "stratified", False):
            z, log_shares = layer.draws(q, self.objective.num_draws)
            p = self._decode(z, training).distribution
        inputs = x if inputs is None else inputs
        prior = self.prior.near(q, inputs if training else None)
        return self.objective.terms(
            x, q, z, p, prior, beta_share, training, log_shares, lambda z: self._decode(z, training).distribution
        )

    @staticmethod
    def _check_gradient(q, layer):
        """Warns where draws z ~ q do not carry the reconstruction's gradient to all of q's parameters."""
        kinds = tf.nest.flatten(q.reparameterization_type)
        if all(kind == tfd.FULLY_REPARAMETERIZED for kind in kinds) or getattr(layer, "stratified", False):
            return
        warnings.warn(
            f"Draws of the posterior {layer.name!r} ({type(layer).__name__}) carry no gradient to all of its parameters, so "
            "that the reconstruction does not train them: a mixture needs `reparameterize=True` or `stratified=True`.",
            stacklevel=2,
        )

    @property
    def posterior_layer(self):
        """The encoder's last distribution layer."""
        return _distribution_layers(self.encoder)[-1]

    def _beta_share(self):
        return self.objective.warm_up(self.optimizer.iterations)

    def smallest_scale(self):
        """The smallest learned σ of the decoder, as a tensor; None where it learns none."""
        values = [tf.reduce_min(scale.value()) for scale in self.scales]
        return tf.reduce_min(values) if values else None

    def _track(self, reconstruction, kl, sample_weight, scale):
        self.reconstruction_metric.update_state(reconstruction, sample_weight)
        self.kl_metric.update_state(kl, sample_weight)
        if scale is not None:
            self.scale_metric.update_state(scale)

    def _total(self, loss):
        """With what layers have added; Keras sums the gradients of a distribution strategy's replicas."""
        total = loss + sum_of(self._added_losses())
        return total / num_replicas()

    def _added_losses(self):
        return self.losses

    def compile(self, *args, **kwargs):
        """As `FastFit.compile`; a warm-up that was under way is over, since the new optimizer counts from 0."""
        super().compile(*args, **kwargs)
        self.objective.warm_up_steps.assign(0)

    def fit(self, *args, **kwargs):
        """As `FastFit.fit`; warns where a learned scale ends at its floor."""
        arguments = inspect.signature(super().fit).bind(*args, **kwargs).arguments
        callbacks = arguments.get("callbacks") or []
        callbacks = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
        warm_ups = [c for c in callbacks if isinstance(c, KLWarmUp)]
        if self.objective.default_warm_up and not warm_ups and self._warms_up():
            warm_ups = [KLWarmUp(steps=self.objective.default_warm_up)]
            warm_ups[0].goes_on = _number(self.objective.warm_up_steps) > 0  # in the fit after an earlier one
            callbacks = warm_ups + callbacks
        for warm_up in warm_ups:
            warm_up.waiting = [c for c in callbacks if isinstance(c, keras.callbacks.EarlyStopping)]
        history = super().fit(**{**arguments, "callbacks": [*self._own_callbacks(), *callbacks]})
        self._warn_of_floor()
        return history

    def _warms_up(self):
        """Whether the training is at its start or within a warm-up."""
        if not self.compiled:
            return False  # Keras says so
        return _number(self.optimizer.iterations) == 0 or float(self._beta_share()) < 1

    def _own_callbacks(self):
        """Callbacks of every fit, which come before the user's."""
        return [] if type(self.prior).refresh is Prior.refresh else [_Refresh()]

    def refresh_prior(self):
        """Brings what the prior has computed ahead up to date (see `Prior.refresh`)."""
        self.prior.refresh()

    def _warn_of_floor(self):
        for scale in self.scales:
            if scale.at_floor():
                warnings.warn(
                    f"The observation scale has reached its floor {scale.floor:g}: below it the likelihood would grow "
                    "without bound, so compare it only with models of the same floor.",
                    stacklevel=3,
                )

    def likelihoods_of(self, x, y):
        return x if y is None else y, _distribution_layers(self.decoder)[-1:]

    # Use.

    def sample(self, n, seed=None, mean=False):
        """n draws from p(x) = ∫ p(x|z) p(z) dz, or the decoder means of n draws z, as an array `(n, *E)`."""
        self.check_parameters()
        n, pieces = as_count(n, "n", 0), []
        rows = min(_SAMPLE_ROWS, max(1, _SAMPLE_NUMBERS // math.prod(self.decoder.output_shape[1:])))
        for start in range(0, n, rows):
            z_seed, x_seed = self._seeds(seed, start)
            p = self.decode(self.prior.sample(min(rows, n - start), seed=z_seed))
            pieces.append((p.mean() if mean else p.sample(seed=x_seed)).numpy())
        return np.concatenate(pieces) if pieces else np.zeros([0, *self.decoder.output_shape[1:]], "float32")

    def reconstruct(self, x, seed=None, mean=False):
        """A draw from p(x'|z), or its mean, with z ~ q(z|x), for each row of x."""
        self.check_parameters()
        z_seed, x_seed = self._seeds(seed, 0)
        p = self.decode(self.encode(x).distribution.sample(seed=z_seed))
        return (p.mean() if mean else p.sample(seed=x_seed)).numpy()

    def log_likelihood(self, x, num_samples=100, seed=0, memory=2**28):
        """log p(x) of each row of x, in nats, by importance sampling, in chunks of draws that fit into `memory` bytes.

        Returns:
            A `LikelihoodEstimate` of arrays `(N,)`: `log_likelihood`, its `standard_error`, `effective_sample_size`. In
            expectation the estimate is a lower bound that rises with `num_samples`. Warns where it is no likelihood: of
            grey values under a Bernoulli.
        """
        x, num_samples = self.rows_to_score(x), as_count(num_samples, "num_samples")
        held = max(x[0].size, self.numbers_per_draw, self.prior.num_terms)
        numbers = int(memory // (4 * _COPIES))
        if numbers < held:
            raise ValueError(
                f"A memory of {memory:,} bytes does not hold one draw of this model: give at least {4 * _COPIES * held:,}."
            )
        rows = min(len(x), 512, numbers // held)
        chunk = int(np.clip(numbers // (rows * held), 1, num_samples))
        use_xla = self._use_xla(len(x) * num_samples // 500)  # a step's arithmetic is about that of 500 draws
        key = (rows, chunk, x.shape[1:], use_xla)
        if key not in self._likelihoods:
            self._likelihoods[key] = StreamedLikelihood(self, rows, chunk, use_xla)
        return self._likelihoods[key](x, num_samples, seed)

    def rows_to_score(self, x):
        """x as an array `(N, *E)`; ValueError for no rows, another shape, or what is not finite.

        Warns where x is grey and the likelihood is a Bernoulli, whose cross-entropy is then no log density.
        """
        x = np.asarray(x, keras.config.floatx())
        if not x.size:
            raise ValueError("log p(x) needs rows, but x has none.")
        if not tf.TensorShape(self.data_shape).is_compatible_with(x.shape[1:]):
            raise ValueError(f"This model's rows have the shape {self.data_shape}, but x has rows of {x.shape[1:]}.")
        self.check_data(x)
        self.check_parameters()
        p = self.decode(tf.zeros([1, *self.prior.event_shape])).distribution
        if isinstance(getattr(p, "distribution", p), tfd.Bernoulli) and not np.isin(x, (0, 1)).all():
            warnings.warn(
                "The data are grey and the likelihood is Bernoulli: their cross-entropy is not the log of a density. "
                "Use IndependentContinuousBernoulli, or binarize the data.",
                stacklevel=3,
            )
        return x

    def check_parameters(self):
        """Raises ValueError that names the first parameter with NaN, which draws of discrete data would not show."""
        for weight in self.trainable_weights:
            if np.isnan(weight.numpy()).any():
                raise ValueError(
                    f"The model's parameter {weight.path!r} is NaN, as after a training that diverged: train it again "
                    "with a smaller learning rate."
                )

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


class _Refresh(keras.callbacks.Callback):
    """Brings what the prior has computed ahead up to date before a fit, before each validation and after each epoch."""

    def on_train_begin(self, logs=None):
        self.model.refresh_prior()

    def on_test_begin(self, logs=None):
        self.model.refresh_prior()

    def on_epoch_end(self, epoch, logs=None):
        self.model.refresh_prior()


def weighted_mean(values, sample_weight):
    return tf.reduce_mean(values if sample_weight is None else values * tf.cast(sample_weight, values.dtype))


def _number(variable):
    return int(tf.convert_to_tensor(variable))  # also of a variable that a distribution strategy mirrors


def num_replicas():
    return tf.distribute.get_strategy().num_replicas_in_sync


def sum_of(losses):
    return sum(tf.reduce_sum(loss) for loss in losses)


def _as_input(x):
    return x if tf.is_tensor(x) else tf.convert_to_tensor(np.asarray(x, keras.config.floatx()))


def _distribution_layers(network):
    """A network's distribution layers; one within another, such as a mixture's component, is a part of it and left out."""
    layers = [layer for layer in network._flatten_layers() if isinstance(layer, DistributionLayer)]
    parts = {id(part) for layer in layers for part in layer._flatten_layers(include_self=False)}
    return [layer for layer in layers if id(layer) not in parts]
