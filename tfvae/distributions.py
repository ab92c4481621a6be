"""Our own `tfd.Distribution`s."""

import math

import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions
_FEW_DIMENSIONS = 8


class DiagonalNormalMixture(tfd.Distribution):
    """p(z) = Σ_k w_k N(z; μ_k, diag σ_k²) with components shared by the whole batch.

    The density never builds a (B, K, D) tensor: it sums over the dimensions where they are few, and takes two matrix
    products where they are many, in float64, since their difference would cost float32 its digits at narrow components.

    Args:
        logits: `(K,)`, unnormalized log weights.
        loc: `(K, D)` means.
        scale: `(K, D)` standard deviations.
    """

    def __init__(self, logits, loc, scale, validate_args=False, allow_nan_stats=True, name="DiagonalNormalMixture"):
        parameters = dict(locals())
        self.logits = tf.convert_to_tensor(logits)
        self.loc = tf.convert_to_tensor(loc)
        self.scale = tf.convert_to_tensor(scale)
        super().__init__(
            dtype=self.loc.dtype,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=validate_args,
            allow_nan_stats=allow_nan_stats,
            parameters=parameters,
            name=name,
        )

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        properties = tfp.util.ParameterProperties
        return {
            "logits": properties(event_ndims=1),
            "loc": properties(event_ndims=2),
            "scale": properties(event_ndims=2),
        }

    def _batch_shape(self):
        return tf.TensorShape([])

    def _batch_shape_tensor(self, **_):
        return tf.constant([], tf.int32)

    def _event_shape(self):
        return self.loc.shape[-1:]

    def _event_shape_tensor(self, **_):
        return tf.shape(self.loc)[-1:]

    @property
    def weights(self):
        """The mixture weights, `(K,)`."""
        return tf.nn.softmax(self.logits)

    def _component_log_probs(self, z):
        """log w_k + log N(z; μ_k, diag σ_k²), of shape `(…, K)`."""
        log_scale = tf.reduce_sum(tf.math.log(self.scale), axis=-1)
        dimension = tf.cast(tf.shape(self.loc)[-1], self.dtype)
        log_norm = tf.nn.log_softmax(self.logits) - log_scale - 0.5 * dimension * math.log(2 * math.pi)
        return log_norm - 0.5 * self._squared_distances(z)

    def _squared_distances(self, z):
        """Σ_d ((z_d − μ_kd) / σ_kd)², of shape `(B, K)`."""
        if self.loc.shape[-1] <= _FEW_DIMENSIONS:
            columns = zip(*(tf.unstack(t, axis=-1) for t in (z, self.loc, self.scale)), strict=True)
            return tf.add_n([tf.square((x[:, None] - loc) / scale) for x, loc, scale in columns])
        z, loc, precision = (tf.cast(t, tf.float64) for t in (z, self.loc, 1 / tf.square(self.scale)))
        squares = tf.matmul(tf.square(z), precision, transpose_b=True)
        products = tf.matmul(z, loc * precision, transpose_b=True)
        constant = tf.reduce_sum(tf.square(loc) * precision, axis=-1)
        return tf.cast(squares - 2 * products + constant, self.dtype)

    def _log_prob(self, z):
        rows = tf.reshape(z, [-1, tf.shape(z)[-1]]) if z.shape.rank != 2 else z
        log_prob = tf.reduce_logsumexp(self._component_log_probs(rows), axis=-1)
        return log_prob if z.shape.rank == 2 else tf.reshape(log_prob, tf.shape(z)[:-1])

    def responsibilities(self, z):
        """p(k | z), of shape `(B, K)` for z of shape `(B, D)`."""
        return tf.nn.softmax(self._component_log_probs(z), axis=-1)

    def _sample_n(self, n, seed=None):
        component_seed, noise_seed = tfp.random.split_seed(seed, salt="DiagonalNormalMixture")
        component = tfd.Categorical(logits=self.logits).sample(n, seed=component_seed)
        shape = tf.stack([n, tf.shape(self.loc)[-1]])
        noise = tf.random.stateless_normal(shape, tfp.random.sanitize_seed(noise_seed), dtype=self.dtype)
        return tf.gather(self.loc, component) + tf.gather(self.scale, component) * noise

    def _mean(self):
        return tf.linalg.matvec(self.loc, self.weights, transpose_a=True)

    def _variance(self):
        second = tf.linalg.matvec(tf.square(self.scale) + tf.square(self.loc), self.weights, transpose_a=True)
        return second - tf.square(self._mean())

    def _stddev(self):
        return tf.sqrt(self._variance())

    def _default_event_space_bijector(self):
        return tfp.bijectors.Identity(validate_args=self.validate_args)


def continuous_bernoulli_log_normalizer(logits):
    """log C(λ) of the continuous Bernoulli density C(λ) λ^x (1 − λ)^(1 − x) on [0, 1], in nats, at λ = sigmoid(logits).

    C = logits / tanh(logits / 2), which is 2 at λ = 1/2 and grows to both sides: what cross-entropy leaves out.
    """
    logits = tf.convert_to_tensor(logits)
    small = tf.abs(logits) < 0.05
    safe = tf.where(small, tf.ones_like(logits), logits)
    series = math.log(2) + tf.math.log1p(tf.square(logits) / 12 - tf.pow(logits, 4) / 720)
    return tf.where(small, series, tf.math.log(safe / tf.tanh(safe / 2)))
