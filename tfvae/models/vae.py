"""The variational autoencoder."""

import inspect
import warnings
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.host import keras_door
from tfvae.host.arguments import as_count
from tfvae.host.pieces import in_pieces, rows_at_once
from tfvae.host.saving import register
from tfvae.host.schedules import as_schedule
from tfvae.host.seeds import next_seed
from tfvae.host.tensors import DistributionTensor, as_distribution
from tfvae.importance import LikelihoodEstimate
from tfvae.layers.distribution_layer import outermost_distribution_layers
from tfvae.layers.kl import KLDivergenceAddLoss
from tfvae.layers.scales import LearnedScale
from tfvae.models import scoring
from tfvae.models.decoding import (
    Pass,
    as_input,
    decode_folded,
    distributions_of,
    event_checks,
    refuse_several,
    takes_missing,
)
from tfvae.models.losses import num_replicas, sum_of, weighted_mean
from tfvae.objectives.elbo import ELBO
from tfvae.objectives.objective import Draw, Objective, Terms
from tfvae.priors.prior import Prior
from tfvae.priors.standard_normal import StandardNormal
from tfvae.training.callbacks import RefreshPrior, WatchBeta
from tfvae.training.fast_fit import FastFit

tfd = tfp.distributions


@register
class VAE(FastFit, keras.Model):
    """q(z|x) = encoder(x), p(x|z) = decoder(z), p(z) = prior, trained on an objective.

    `fit(x)`, `fit(x, x)` and `fit(tf.data)` train it; `fit(x, y)` trains p(y|z) from x. Logs show `loss` and the objective's
    metrics, such as `reconstruction` (−log p(x|z)) and `kl`, in nats per example. In `evaluate` and under `val_` the loss
    is the negative of the objective's bound, where it is one.

    Args:
        encoder: model whose output is a distribution layer's (a `DistributionTensor` whose value is a draw).
        decoder: model from z to a distribution layer's output, or to a dict of them; the values are what `predict` returns.
        prior: a `tfvae.priors.Prior`; None for N(0, I).
        objective: a `tfvae.objectives.Objective`; None for `ELBO()`.
    """

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        prior: Prior | None = None,
        objective: Objective | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        for layer in keras_door.sublayers(encoder):
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
        for layer in outermost_distribution_layers(encoder)[-1:]:
            if layer.support != self.prior.support:
                raise ValueError(
                    f"The posterior {type(layer).__name__} is over {layer.support} values and the prior "
                    f"{type(self.prior).__name__} over {self.prior.support} ones: choose a pair of one kind."
                )
        self.prior.attach(encoder)
        self.objective = ELBO() if objective is None else objective
        if not self.objective.built:
            self.objective.build(event)
        self.seed_generator = keras.random.SeedGenerator()
        self.term_metrics = {name: keras.metrics.Mean(name=name) for name in self.objective.metric_names}
        self.scales = [layer for layer in keras_door.sublayers(decoder) if isinstance(layer, LearnedScale)]
        self.scale_metric = keras.metrics.Mean(name="scale") if self.scales else None
        self.takes_missing = takes_missing(encoder, decoder)
        self.compiled_likelihoods: dict = {}
        self.built = encoder.built and decoder.built

    has_own_loss = True

    def build(self, input_shape: Any) -> None:
        if not self.built:
            self(tf.zeros([1, *input_shape[1:]]))
        self.built = True

    @property
    def data_shape(self) -> tuple[int, ...]:
        """Shape of one x."""
        return tuple(self.encoder.input_shape[1:])

    @property
    def numbers_per_draw(self) -> int:
        """How many numbers the decoder's widest layer holds for each z, by which draws are decoded in chunks."""
        return max([32, *keras_door.output_sizes(keras_door.sublayers(self.decoder))])

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """Shape of one z."""
        return tuple(self.prior.event_shape)

    # The three acts.

    def encode(self, x: Any) -> DistributionTensor:
        """q(z|x), of batch shape `(B,)`, with a draw as its value."""
        return self._posterior(as_input(x), training=False)

    def decode(self, z: Any) -> DistributionTensor:
        """p(x|z) for z of shape `(…, D)`, of batch shape `(…,)`."""
        return self._decode(tf.convert_to_tensor(z), training=False)

    def _posterior(self, x, training):
        q = self.encoder(x, training=training)
        as_distribution(q, "VAE (the encoder must end in a distribution layer; it)")
        return self.prior.posterior(q)

    def _decode(self, z, training):
        return decode_folded(self.decoder, z, self.prior.event_shape, training)

    def call(self, x: Any, training: Any = None) -> Any:
        return self._pass(x, training).seen_as(self.decoder)

    def _pass(self, x, training):
        return Pass(self._posterior(x, training), lambda z: self._decode(z, training))

    # Training.

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: Any = True
    ) -> Any:
        one = keras.tree.flatten(y_pred)[0].of
        terms = self.objective.terms(self.draw(one, x if y is None else y, x, self._step(), training))
        self._track(terms.metrics, sample_weight, self.smallest_scale())
        loss = weighted_mean(terms.loss, sample_weight) + terms.batch_loss + sum_of(self._added_losses())
        return loss / num_replicas()  # Keras sums the gradients of a distribution strategy's replicas

    def terms(self, x: Any, y: Any = None, training: bool = False) -> Terms:
        """The objective's `Terms` of examples x, `(B, *E)`, in one pass; of p(y|z) where y is given."""
        x = as_input(x)
        one = self._pass(x, training)
        return self.objective.terms(self.draw(one, x if y is None else y, x, self._step(), training))

    def draw(self, one: Pass, x: Any, inputs: Any, step: Any, training: bool) -> Draw:
        """What the objective reads: the pass with the draws that it asks for.

        Args:
            one: the `Pass` of `inputs`.
            x: the target, `(B, *E)` or a dict of such.
            inputs: what was encoded.
            step: the optimizer's.
            training: bool.
        """
        layer, q = self.posterior_layer, one.posterior
        if self.objective.needs_density:
            layer.check_density(type(self.objective).__name__)
        if training and not layer.carries_gradient(q.distribution):
            warnings.warn(
                f"Draws of the posterior {layer.name!r} ({type(layer).__name__}) carry no gradient to all of its "
                "parameters, so that the reconstruction does not train them: a mixture needs `reparameterize=True` or "
                "`stratified=True`.",
                stacklevel=2,
            )

        def draws(q):
            return layer.draws(q, self.objective.num_draws, training=training, step=step)

        def subset(present):
            part = one.subset(present)
            return (part.distribution, *draws(part))

        z, log_shares = draws(q)
        return Draw(
            x=keras.tree.map_structure(lambda a: a if a.dtype.is_floating else tf.cast(a, z.dtype), x),
            inputs=inputs,
            q=q.distribution,
            z=z,
            log_shares=log_shares,
            p=distributions_of(one.at(z)),
            prior=self.prior.near(q.distribution, inputs if training else None),
            decode=lambda z: distributions_of(one.decode(z)),
            step=step,
            training=training,
            present=one.present,
            subset=subset if one.subset else None,
        )

    @property
    def posterior_layer(self) -> keras.layers.Layer:
        """The encoder's last distribution layer."""
        return outermost_distribution_layers(self.encoder)[-1]

    def _step(self):
        return self.optimizer.iterations if self.compiled and self.optimizer is not None else tf.constant(0, tf.int64)

    def set_beta(self, beta: Any) -> None:
        """Gives the objective another β, a number or a schedule; also in the middle of a fit."""
        self.objective.beta = as_schedule(beta, "beta")
        self.forget_traced()

    def smallest_scale(self) -> tf.Tensor | None:
        """The smallest learned σ of the decoder; None where it learns none."""
        values = [tf.reduce_min(scale.value()) for scale in self.scales]
        return tf.reduce_min(values) if values else None

    def _track(self, metrics, sample_weight, scale):
        if set(metrics) != set(self.term_metrics):
            raise ValueError(
                f"{type(self.objective).__name__} names the metrics {', '.join(self.term_metrics)} in `metric_names`, but "
                f"its terms show {', '.join(metrics)}."
            )
        for name, value in metrics.items():
            value = tf.convert_to_tensor(value)
            self.term_metrics[name].update_state(value, sample_weight if value.shape.rank else None)
        if scale is not None:
            self.scale_metric.update_state(scale)

    def _added_losses(self):
        return self.losses

    def fit(self, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """As `FastFit.fit`; early stopping waits for the end of a warm-up; warns where a learned scale ends at its floor."""
        arguments = inspect.signature(super().fit).bind(*args, **kwargs).arguments
        callbacks = arguments.get("callbacks") or []
        callbacks = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
        watch = WatchBeta([c for c in callbacks if isinstance(c, keras.callbacks.EarlyStopping)])
        try:
            history = super().fit(**{**arguments, "callbacks": [*self._own_callbacks(), watch, *callbacks]})
        finally:
            watch.released()
        self._warn_of_floor()
        return history

    def target_of(self, x: Any, y: Any, sample_weight: Any) -> Any:
        return x if y is None and sample_weight is not None else y

    def _own_callbacks(self):
        """Callbacks of every fit, which come before the user's."""
        return [] if type(self.prior).refresh is Prior.refresh else [RefreshPrior()]

    def refresh_prior(self) -> None:
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

    def checks_of(self, x: Any, y: Any) -> Any:
        return x if y is None else y, event_checks(self.decoder)

    def with_prior(self, prior: Prior) -> "VAE":
        """A compiled `VAE` of these networks and their weights under another prior; on `ELBO()`, where q has a density."""
        objective = None if self.posterior_layer.has_density else self.objective
        vae = VAE(self.encoder, self.decoder, prior, objective, name=self.name)
        vae.compile(keras.optimizers.Adam(1e-3))
        return vae

    # Use.

    def sample(self, n: int, seed: int | None = None, mean: bool = False) -> np.ndarray:
        """n draws from p(x) = ∫ p(x|z) p(z) dz, or the decoder means of n draws z, as an array `(n, *E)`."""
        self._check_use()
        n, rows, pieces = as_count(n, "n", 0), rows_at_once(self.decoder), []
        for start in range(0, n, rows):
            z_seed, x_seed = self._seeds(seed, start)
            p = self.decode(self.prior.sample(min(rows, n - start), seed=z_seed))
            pieces.append((p.mean() if mean else p.sample(seed=x_seed)).numpy())
        return np.concatenate(pieces) if pieces else np.zeros([0, *self.decoder.output_shape[1:]], "float32")

    def reconstruct(self, x: Any, seed: int | None = None, mean: bool = False) -> np.ndarray:
        """A draw from p(x'|z), or its mean, with z ~ q(z|x), for each row of x."""
        self._check_use()
        pieces = []
        for k, some in enumerate(in_pieces(x, self.encoder, self.decoder)):
            z_seed, x_seed = self._seeds(seed, k)
            p = self.decode(self.encode(some).distribution.sample(seed=z_seed))
            pieces.append((p.mean() if mean else p.sample(seed=x_seed)).numpy())
        return np.concatenate(pieces)

    def log_likelihood(self, x: Any, num_samples: int = 100, seed: int = 0, memory: int = 2**28) -> LikelihoodEstimate:
        """log p(x) of each row of x, in nats, by importance sampling, in chunks of draws that fit into `memory` bytes.

        Returns:
            A `LikelihoodEstimate` of arrays `(N,)`: `log_likelihood`, its `standard_error`, `effective_sample_size`. In
            expectation the estimate is a lower bound that rises with `num_samples`. Warns where it is no likelihood: of
            grey values under a Bernoulli.
        """
        return scoring.log_likelihood(self, x, num_samples, seed, memory)

    def rows_to_score(self, x: Any) -> np.ndarray:
        """x as an array `(N, *E)`; ValueError for no rows, another shape, or what this model has no density for.

        Warns where x is grey and the likelihood is a Bernoulli, whose cross-entropy is then no log density.
        """
        self._check_use()
        return scoring.rows_to_score(self, x)

    def _check_use(self):
        refuse_several(self.decoder)
        self.check_parameters()

    def check_parameters(self) -> None:
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

    def get_config(self) -> dict:
        nested = {name: getattr(self, name) for name in ("encoder", "decoder", "prior", "objective")}
        about = {"name": self.name, "dtype": keras.dtype_policies.serialize(self.dtype_policy)}
        return {**about, **{k: keras.saving.serialize_keras_object(v) for k, v in nested.items()}}

    @classmethod
    def from_config(cls, config: dict) -> Any:
        return cls(**keras.saving.deserialize_keras_object(config))
