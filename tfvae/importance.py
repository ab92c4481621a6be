"""log p(x) from importance weights: log w = log p(x|z) + log p(z) − log q(z|x), z ~ q."""

import math
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfvae.host.compiled import Compiled
from tfvae.host.pieces import num_rows, take_rows
from tfvae.host.tensors import is_present

FEW_DRAWS = 10  # effective ones: below, intervals of two standard errors cover 80 to 90 % and not 95
_INSIDE = 0.5  # where every likelihood has a density
_ONE_DRAW = 2  # effective ones: below, one draw has most of the weight


class LikelihoodEstimate(NamedTuple):
    """log p(x) of each example, `(N,)`, in nats, with what is known of its error."""

    log_likelihood: np.ndarray
    standard_error: np.ndarray  # of log_likelihood, by the delta method; infinite where the estimate rests on one draw
    effective_sample_size: np.ndarray  # (Σw)²/Σw²: near 1 the estimate rests on one draw, and is too low
    doubling_gain: np.ndarray  # its rise over the mean of its two halves: what the last doubling of the draws gained
    prior_gap: np.ndarray | float = 0.0  # how much too low it is at most because a part of the prior is left out

    def __repr__(self) -> str:
        n, doubtful = len(self.log_likelihood), int(np.sum(self.doubtful))
        words = f"log p(x) of {n} rows: {self.mean:.4f} ± {self.mean_standard_error:.4f} nats in the mean, "
        words += f"{np.median(self.effective_sample_size):.1f} effective draws in the median"
        return f"<{words}; {doubtful} rows rest on too few>" if doubtful else f"<{words}>"

    @property
    def doubtful(self) -> np.ndarray:
        """Whether each estimate rests on so few draws that it is too low and its standard error too small, `(N,)`."""
        return self.effective_sample_size < FEW_DRAWS

    @property
    def mean(self) -> float:
        return float(np.mean(self.log_likelihood))

    @property
    def mean_standard_error(self) -> float:
        """Of the mean over the examples, as a sample of the population."""
        return standard_error(self.log_likelihood)

    def bits_per_dimension(self, dimensions: int) -> float:
        """−log₂ p(x) per dimension of x, mean over the examples: of a probability; of a density of 8-bit data + 8."""
        return bits_per_dimension(self.mean, dimensions)

    def perplexity_per_dimension(self, dimensions: int) -> float:
        """exp(−log p(x) / dimensions), the per-pixel perplexity of images: 2 to the power of the bits per dimension."""
        return math.exp(-self.mean / dimensions)


def bits_per_dimension(log_p: float, dimensions: int) -> float:
    """−log₂ p per dimension, of log p in nats."""
    return -log_p / (dimensions * math.log(2))


def standard_error(values: Any) -> float:
    """Of the mean of values, `(N,)`, as a sample of a population."""
    return float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan


def relative_error(effective_sample_size: np.ndarray, n: int) -> np.ndarray:
    """Standard error of the log of a mean of n weights; NaN for one weight, which says nothing of its spread.

    Infinite where one of several weights is nearly all: the formula, below 1 by construction, would know nothing of the
    weights that were not drawn.
    """
    if n < 2:
        return np.full_like(effective_sample_size, math.nan)
    error = np.sqrt(np.maximum(1 / effective_sample_size - 1 / n, 0))
    return np.where((effective_sample_size < _ONE_DRAW) & (n >= FEW_DRAWS), math.inf, error)


def check_numbers(log_likelihood: np.ndarray, first_row: int = 0) -> None:
    """Raises ValueError where an estimate of some rows, `(N,)`, is NaN; −inf is what the model calls impossible."""
    bad = np.flatnonzero(np.isnan(log_likelihood))
    if len(bad):
        raise ValueError(
            f"log p(x) of row {first_row + bad[0] + 1} is not a number: the row lies far outside of what the model was "
            "trained on, or the model's parameters are infinite."
        )


def log_px_z(p: Any, x: Any) -> Any:
    """log p(x|z) of p's batch shape, `(B,)` or `(S, B)`, for x of shape `(B, *E)`, or the sum over a dict of such.

    Of a part of a dict that is NaN throughout it is 0. x is broadcast explicitly, because a distribution of folded draws
    (`Unfolded`) does not do it.
    """
    if isinstance(p, dict):
        return sum(log_px_z_where_there(p[name], x[name]) for name in p)
    missing = p.batch_shape.rank + p.event_shape.rank - x.shape.rank
    if missing > 0:
        x = tf.broadcast_to(x, tf.concat([p.batch_shape_tensor()[:missing], tf.shape(x)], axis=0))
    return p.log_prob(x)


def log_px_z_where_there(p: Any, x: Any) -> Any:
    """`log_px_z`, and 0 for examples that are NaN throughout, whatever the likelihood; with a gradient of 0."""
    there = is_present(x)
    filled = tf.where(tf.reshape(there, [-1] + [1] * (x.shape.rank - 1)), x, tf.constant(_INSIDE, x.dtype))
    return tf.where(there, log_px_z(p, filled), 0.0)


def log_weights(x: Any, q: Any, z: Any, p: Any, prior: Any) -> Any:
    """log w of shape `(S, B)`, in nats.

    Args:
        x: `(B, *E)`; q: q(z|x), batch `(B,)`; z: `(S, B, D)`; p: p(x|z), batch `(S, B)`; prior: p(z).
    """
    return log_px_z(p, x) + prior.log_prob(z) - q.log_prob(z)


def _log_add(total, values):
    """log(exp(total) + Σ_s exp(values_s)): `(B,)` and `(S, B)` -> `(B,)`."""
    return tf.reduce_logsumexp(tf.concat([total[None], values], axis=0), axis=0)


class StreamedLikelihood:
    """Importance-sampled log p(x) of a `VAE`, compiled once, in memory independent of the number of samples.

    Each example is encoded once; its draws stream in chunks, of which only log Σw (of even and of odd draws) and log Σw²
    are kept.

    Args:
        model: a `VAE`.
        num_rows: examples in one call.
        chunk: draws of each example held at a time.
        use_xla: bool.
    """

    def __init__(self, model: Any, num_rows: int, chunk: int, use_xla: bool):
        self.model, self.num_rows, self.chunk = model, num_rows, chunk
        self.run = Compiled(self._run, use_xla)

    def _run(self, x, num_samples, seed):
        q = self.model.encode(x).distribution
        prior = self.model.prior.near(q)

        def add_chunk(i, log_sums, log_sum_squares, log_sum_above):
            z = q.sample(self.chunk, seed=tf.random.experimental.stateless_fold_in(seed, i))
            # In float64: a sum of many weights stalls where one weight is below half a unit in its last place.
            p = tf.nest.map_structure(lambda part: part.distribution, self.model.decode(z))
            log_w = tf.cast(log_weights(x, q, z, p, prior), tf.float64)
            draw = i * self.chunk + tf.range(self.chunk)
            none = tf.constant(-math.inf, tf.float64)
            log_w = tf.where((draw < num_samples)[:, None], log_w, none)
            halves = [tf.where((draw % 2 == half)[:, None], log_w, none) for half in (0, 1)]
            log_sums = tf.stack([_log_add(s, w) for s, w in zip(tf.unstack(log_sums), halves, strict=True)])
            gap = self.model.prior.gap(q, z, prior)  # of log p(z), hence of log w, at most
            if gap is not None:
                log_sum_above = _log_add(log_sum_above, log_w + tf.cast(gap, tf.float64))
            return i + 1, log_sums, _log_add(log_sum_squares, 2 * log_w), log_sum_above

        nothing = tf.fill([self.num_rows], tf.constant(-math.inf, tf.float64))
        chunks = (num_samples + self.chunk - 1) // self.chunk
        _, log_sums, log_sum_squares, log_sum_above = tf.while_loop(
            lambda i, *_: i < chunks,
            add_chunk,
            (tf.constant(0), tf.stack([nothing] * 2), nothing, nothing),
            parallel_iterations=1,
        )
        return *tf.unstack(log_sums), log_sum_squares, log_sum_above

    def __call__(self, x: Any, num_samples: int, seed: int) -> Any:
        """The `LikelihoodEstimate` of x, `(N, *E)` or a dict of such; `seed` an int."""
        n, sums = num_rows(x), []
        for start in range(0, n, self.num_rows):
            rows = np.arange(start, start + self.num_rows) % n  # the last call is filled up with rows seen before
            key = tf.constant([seed, start], tf.int32)
            sums.append(
                [
                    s.numpy()
                    for s in self.run(
                        tf.nest.map_structure(tf.constant, take_rows(x, rows)), tf.constant(num_samples), key
                    )
                ]
            )
            check_numbers(np.maximum(*sums[-1][:2]), start)
        even, odd, log_sum_squares, log_sum_above = np.concatenate(sums, axis=1)[:, :n]
        log_sum = np.logaddexp(even, odd)
        log_likelihood = log_sum - math.log(num_samples)
        halves = num_samples - num_samples // 2, num_samples // 2
        with np.errstate(invalid="ignore", divide="ignore"):  # where log p(x) is −inf, no draw has any weight
            ess = np.minimum(np.exp(2 * log_sum - log_sum_squares), num_samples)
            ess = np.where(np.isneginf(log_sum), 0.0, ess)
            error = relative_error(ess, num_samples)
            above = log_sum_above - log_sum
            gain = log_likelihood - (even - math.log(halves[0]) + odd - math.log(max(halves[1], 1))) / 2
        return LikelihoodEstimate(
            log_likelihood=log_likelihood,
            standard_error=error,
            effective_sample_size=ess,
            doubling_gain=gain if halves[1] else np.full(n, math.nan),
            prior_gap=np.where(np.isneginf(log_sum), 0.0, np.maximum(above, 0.0)),
        )
