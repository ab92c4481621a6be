"""Our own `tfd.Distribution`s."""

import math

import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


class DiagonalNormalMixture(tfd.Distribution):
    """p(z) = Σ_k w_k N(z; μ_k, diag σ_k²) with components shared by the whole batch.

    The density takes two matrix products and never builds a (B, K, D) tensor. Points are centred on the mixture's mean
    first, which keeps float32 digits where the components are narrow.

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
        centre = tf.stop_gradient(self._mean())
        z, loc = z - centre, self.loc - centre
        precision = tf.square(1 / self.scale)
        squares = tf.matmul(tf.square(z), precision, transpose_b=True)
        products = tf.matmul(z, loc * precision, transpose_b=True)
        constant = tf.reduce_sum(tf.square(loc) * precision + 2 * tf.math.log(self.scale), axis=-1)
        dimension = tf.cast(tf.shape(loc)[-1], loc.dtype)
        log_norm = tf.nn.log_softmax(self.logits) - 0.5 * (constant + dimension * math.log(2 * math.pi))
        return log_norm + products - 0.5 * squares

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
