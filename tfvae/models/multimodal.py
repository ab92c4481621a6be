"""The variational autoencoder of several modalities, any of which may be missing."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.host.arguments import as_count
from tfvae.host.pieces import in_pieces, rows_at_once
from tfvae.host.saving import register
from tfvae.importance import LikelihoodEstimate
from tfvae.layers.aggregation import Aggregation
from tfvae.models import modalities, scoring
from tfvae.models.decoding import Pass, as_input
from tfvae.models.vae import VAE
from tfvae.networks.missing import FillMissing, IsPresent
from tfvae.objectives.objective import Objective
from tfvae.priors.prior import EncodedPrior, Prior


@register
class MultimodalVAE(VAE):
    """q(z|x_S) of any subset S of the modalities, p(x_m|z) of each; x is a dict, and what is missing NaN.

    `fit({"image": a, "text": b})` trains it. Rows that are NaN throughout, and modalities whose key is left out, are
    missing: they change neither the loss nor a gradient. Of a modality that is partly NaN the encoder sees zeros, and its
    likelihood must integrate over them, as a `TableLikelihood` does.

    Args:
        encoders: dict name -> model from x_m to as many features as the aggregation takes, without a distribution layer.
        decoders: dict of the same names -> model from z to a distribution layer's output.
        aggregation: a `tfvae.layers.Aggregation`.
        prior: a `Prior`; None for N(0, I), to which the aggregations go back where nothing is there.
        objective: an `Objective`; None for the ELBO of what is there.

    Raises:
        ValueError: for encoders and decoders of different names, or of other sizes than the aggregation's.
    """

    def __init__(
        self,
        encoders: dict[str, keras.Model],
        decoders: dict[str, keras.Model],
        aggregation: Aggregation,
        prior: Prior | None = None,
        objective: Objective | None = None,
        **kwargs: Any,
    ):
        modalities.check_parts(encoders, decoders, aggregation)
        if isinstance(prior, EncodedPrior):
            raise ValueError(
                f"A {type(prior).__name__} encodes examples of one modality: choose another prior for several, such as a "
                "MixturePrior."
            )
        inputs = {name: keras.Input(model.input_shape[1:], name=name) for name, model in encoders.items()}
        features = [encoders[name](FillMissing()(x)) for name, x in inputs.items()]
        features = keras.ops.stack(features, axis=1)
        present = keras.ops.stack([IsPresent()(x) for x in inputs.values()], axis=1)
        posterior = aggregation.posterior()
        encoder = keras.Model(inputs, posterior(aggregation(features, present)), name="encoder")
        z = keras.Input((aggregation.latent_dim,))
        decoder = keras.Model(z, {name: decoders[name](z) for name in encoders}, name="decoder")
        super().__init__(encoder, decoder, prior, objective, **kwargs)
        self.encoders, self.decoders, self.aggregation = dict(encoders), dict(decoders), aggregation
        self.features = keras.Model(inputs, [features, present], name="features")

    takes_missing = True

    @property
    def names(self) -> list[str]:
        """Of the modalities, in the order of the encoders."""
        return list(self.encoders)

    @property
    def data_shape(self) -> dict[str, tuple[int, ...]]:
        """Shape of one x_m of each modality."""
        return {name: tuple(model.input_shape[1:]) for name, model in self.encoders.items()}

    def _pass(self, x, training):
        features, present = self.features(x, training=training)

        def subset(some):
            params = self.aggregation(features, tf.logical_and(some, present))
            return self.prior.posterior(self.posterior_layer(params))

        return Pass(subset(tf.ones_like(present)), lambda z: self._decode(z, training), present, subset)

    # Data.

    def complete(self, x: dict[str, Any]) -> dict[str, Any]:
        """x with a modality of NaN for each key that it leaves out.

        Raises:
            ValueError: for keys that are no modality, no key at all, or unequal lengths.
        """
        return modalities.complete(x, self.data_shape)

    def check_data(self, x: Any, y: Any = None, sample_weight: Any = None, of: str | None = None) -> None:
        """Raises ValueError for rows without any modality, other shapes, or what a likelihood has no density for."""
        if y is not None:
            raise ValueError("Several modalities are their own target: give no y.")
        if isinstance(x, dict):  # not a data set, whose first batches are checked as they pass
            modalities.check(x, self.decoders, self.data_shape, of or "x")

    def fit(self, x: Any = None, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """As `VAE.fit`, of a dict of arrays, which may leave out keys, or a `tf.data.Dataset` of dicts, which may not."""
        return super().fit(self.complete(x) if isinstance(x, dict) else x, *args, **kwargs)

    # Use.

    def encode(self, x: dict[str, Any]) -> Any:
        """q(z|x_S) of what x, `{name: (B, *E)}`, has, of batch shape `(B,)`, with a draw as its value."""
        return self._pass(as_input(self.complete(x)), training=False).posterior

    def rows_to_score(self, x: dict[str, Any]) -> Any:
        """x with all modalities, as arrays of Keras' float type; ValueError for what this model has no density for."""
        self.check_parameters()
        whole = {name: np.asarray(part, keras.config.floatx()) for name, part in self.complete(x).items()}
        self.check_data(whole)
        return whole

    def log_likelihood(
        self,
        x: dict[str, Any],
        num_samples: int = 100,
        seed: int = 0,
        memory: int = 2**28,
        *,
        given: Sequence[str] = (),
    ) -> LikelihoodEstimate:
        """log p of what is there in each row of x, in nats, by importance sampling; or that, given some.

        log p(x_S) of the present modalities S alone, the others integrated out. With `given` it is log p(x_S) − log p(x_G)
        for those G of them that are given, from draws that have nothing in common; errors add in squares.

        Returns:
            A `LikelihoodEstimate` of arrays `(N,)`.
        """
        whole = scoring.log_likelihood(self, x, num_samples, seed, memory)
        if not given:
            return whole
        if unknown := sorted(set(given) - set(x)):
            raise ValueError(f"`given` names {unknown[0]!r}, but x has {', '.join(x)}.")
        part = scoring.log_likelihood(self, {name: x[name] for name in given}, num_samples, seed + 1, memory)
        return LikelihoodEstimate(
            whole.log_likelihood - part.log_likelihood,
            np.hypot(whole.standard_error, part.standard_error),
            np.minimum(whole.effective_sample_size, part.effective_sample_size),
            whole.doubling_gain - part.doubling_gain,
        )

    def sample(self, n: int, seed: int | None = None, mean: bool = False) -> dict[str, np.ndarray]:
        """n draws of all modalities together, or the decoders' means at n draws z, `{name: (n, *E)}`."""
        self.check_parameters()
        n, rows, pieces = as_count(n, "n", 0), rows_at_once(self.decoder), []
        for start in range(0, max(n, 1), rows):
            z_seed, x_seed = self._seeds(seed, start)
            z = self.prior.sample(min(rows, n - start), seed=z_seed)
            pieces.append(self._drawn(self.decode(z), x_seed, mean))
        return _joined(pieces)

    def reconstruct(self, x: Any, seed: int | None = None, mean: bool = False) -> dict[str, np.ndarray]:
        """A draw of every modality, or its mean, at z ~ q(z|x_S): a reconstruction or, of what is missing, a prediction."""
        self.check_parameters()
        pieces = []
        for k, some in enumerate(in_pieces(self.complete(x), self.encoder, self.decoder)):
            z_seed, x_seed = self._seeds(seed, k)
            z = self.encode(some).distribution.sample(seed=z_seed)
            pieces.append(self._drawn(self.decode(z), x_seed, mean))
        return _joined(pieces)

    def impute(self, x: dict[str, Any], num_draws: int = 1, seed: int | None = None) -> dict[str, np.ndarray]:
        """x with what is missing filled in: a draw of p(x_m|x_S), or the mean of the decoders' means at several draws z.

        Args:
            x: dict of arrays; keys may be left out, rows NaN.
            num_draws: int; with 1 a draw, which has the spread of p(x_m|x_S); with more the mean of p(x_m|x_S).
            seed: int or None.
        """
        whole, num_draws = self.complete(x), as_count(num_draws, "num_draws")
        if num_draws == 1:
            filled = self.reconstruct(x, seed)
        else:
            draws = [self.reconstruct(x, None if seed is None else seed + k, mean=True) for k in range(num_draws)]
            filled = {name: np.mean([draw[name] for draw in draws], axis=0) for name in self.names}
        return {name: _filled(np.asarray(whole[name]), filled[name]) for name in self.names}

    def _drawn(self, p, seed, mean):
        seeds = tf.unstack(tf.random.experimental.stateless_split(seed, len(self.names)))
        return {
            name: (p[name].mean() if mean else p[name].distribution.sample(seed=s)).numpy()
            for name, s in zip(self.names, seeds, strict=True)
        }

    def get_config(self) -> dict:
        config = super().get_config()
        del config["encoder"], config["decoder"]
        parts = {"encoders": self.encoders, "decoders": self.decoders}
        parts = {k: {n: keras.saving.serialize_keras_object(m) for n, m in v.items()} for k, v in parts.items()}
        return {**config, **parts, "aggregation": keras.saving.serialize_keras_object(self.aggregation)}


def _joined(pieces):
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


def _filled(x, predicted):
    missing = np.isnan(x) if x.dtype.kind == "f" else np.zeros(x.shape, bool)
    return np.where(missing, predicted, x)
