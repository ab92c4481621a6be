"""log p(x) by annealed importance sampling, with bounds from both sides on simulated data."""

import warnings
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.host.arguments import as_count
from tfvae.host.compiled import Compiled
from tfvae.importance import check_numbers, log_px_z, relative_error, standard_error

_ROWS = 64  # examples at a time, at most
_NUMBERS = 2**22  # of the decoder's output held at a time
_ADAPTATION, _TARGET, _SMALLEST, _LARGEST = 1.02, 0.65, 1e-4, 1.0
_FEW, _SOME = 0.01, 0.25  # of the proposals accepted: fewer, and the chains have not moved, or hardly


class AnnealedEstimate(NamedTuple):
    """log p(x) of each example, `(N,)`, in nats: a lower bound in expectation, or an upper one where run in reverse."""

    log_likelihood: np.ndarray
    standard_error: np.ndarray  # of log_likelihood, over the chains; those run in reverse share the z they start from
    effective_sample_size: np.ndarray  # of the chains' weights
    acceptance: np.ndarray  # share of HMC's proposals that were accepted


class BidirectionalEstimate(NamedTuple):
    """Both bounds of log p(x) for x simulated from the model: their gap certifies the lower one on data of this kind."""

    lower: AnnealedEstimate
    upper: AnnealedEstimate

    @property
    def gap(self):
        """Mean of upper − lower over the examples, in nats."""
        return float(np.mean(self.upper.log_likelihood - self.lower.log_likelihood))

    @property
    def gap_standard_error(self):
        return standard_error(self.upper.log_likelihood - self.lower.log_likelihood)


def annealed_log_likelihood(
    vae: Any,
    x: Any,
    num_steps: int = 1000,
    num_chains: int = 16,
    *,
    leapfrog_steps: int = 10,
    step_size: float = 0.05,
    from_prior: bool = False,
    seed: int = 0,
) -> AnnealedEstimate:
    """log p(x) of each row of x by annealed importance sampling with Hamiltonian Monte Carlo.

    Each chain moves from q(z|x), or from p(z), to p(z|x) through `num_steps` distributions on a sigmoid schedule. A first
    run of other chains finds for each example and temperature the step size of 65 % acceptance; it is then fixed, since
    chains that adapt to their own past would make the estimate too high. One step is importance sampling.

    Args:
        vae: a `VAE`.
        x: `(N, *E)`.
        num_steps: int T >= 1, intermediate distributions.
        num_chains: int, for each example.
        leapfrog_steps: int, gradients of the decoder in each transition.
        step_size: float > 0, HMC's at the start.
        from_prior: bool; start from p(z). With a mixture prior prefer q: HMC does not jump between modes that are far apart.
        seed: int.

    Returns:
        `AnnealedEstimate`.

    Raises:
        ValueError: for x that is not finite, settings below 1, or where hardly a proposal is accepted.

    Source: Wu et al., "On the quantitative analysis of decoder-based generative models" (2017); Neal, "Annealed importance
    sampling" (2001).
    """
    x = vae.rows_to_score(x)
    return _Annealing(vae, num_steps, num_chains, leapfrog_steps, step_size, from_prior).forward(x, seed)


def bidirectional_log_likelihood(
    vae: Any,
    n: int = 64,
    num_steps: int = 1000,
    num_chains: int = 16,
    *,
    leapfrog_steps: int = 10,
    step_size: float = 0.05,
    from_prior: bool = False,
    seed: int = 0,
) -> BidirectionalEstimate:
    """Bounds of log p(x) from below and from above for n examples simulated from the model (BDMC).

    The chains of the upper bound run backwards from the z that an example was simulated from, which is an exact draw of
    its posterior. Arguments as for `annealed_log_likelihood`.

    Returns:
        `BidirectionalEstimate`.

    Source: Grosse, Ghahramani and Adams, "Sandwiching the marginal likelihood using bidirectional Monte Carlo" (2015).
    """
    n = as_count(n, "n", least=2)
    annealing = _Annealing(vae, num_steps, num_chains, leapfrog_steps, step_size, from_prior, simulated=True)
    keys = tf.unstack(tfp.random.split_seed(tf.constant([seed, n], tf.int32), 2))
    z = vae.prior.sample(n, seed=keys[0])
    x = vae.decode(z).distribution.sample(seed=keys[1]).numpy().astype("float32")
    return BidirectionalEstimate(annealing.forward(x, seed), annealing.backward(x, z.numpy(), seed))


class _Annealing:
    """The chains of a batch of examples, in both directions."""

    def __init__(self, vae, num_steps, num_chains, leapfrog_steps, step_size, from_prior, simulated=False):
        if not step_size > 0:
            raise ValueError(f"`step_size` must be above 0, but got {step_size}.")
        if vae.prior.support != "real":
            raise ValueError(
                f"Annealing moves z along gradients, and this model's z are {vae.prior.support}: use `log_likelihood`."
            )
        if not from_prior:
            vae.posterior_layer.check_density("Annealing from q(z|x)")
            if vae.posterior_layer.bounded:
                raise ValueError(
                    f"Annealing from q(z|x) never leaves it, and {type(vae.posterior_layer).__name__} is bounded: give "
                    "`from_prior=True`."
                )
        self.vae, self.num_chains = vae, as_count(num_chains, "num_chains")
        self.leapfrog_steps, num_steps = as_count(leapfrog_steps, "leapfrog_steps"), as_count(num_steps, "num_steps")
        self.step_size, self.from_prior = float(step_size), from_prior
        self.whole_prior = from_prior or simulated  # elsewhere p(z) as `VAE.log_likelihood` takes it
        self.betas = schedule(num_steps).astype("float32")
        self.run = Compiled(self._run, False)

    def forward(self, x, seed):
        """From the start to the posterior: log mean w over the chains."""
        return self._estimate(x, None, seed, 1)

    def backward(self, x, z, seed):
        """From posterior draws z, `(N, D)`, to the start: −log mean w, since w is unbiased for 1/p(x)."""
        return self._estimate(x, z, seed, -1)

    def _estimate(self, x, z, seed, sign):
        prior = self.vae.prior
        terms = getattr(prior, "num_components", 1) if self.whole_prior else prior.num_terms
        held = self.num_chains * max(x[0].size, self.vae.numbers_per_draw, terms)
        n, rows = len(x), int(np.clip(_NUMBERS // held, 1, min(len(x), _ROWS)))
        pieces = []
        for start in range(0, n, rows):
            index = np.arange(start, start + rows) % n
            key, pilot_key = tf.unstack(tfp.random.split_seed(tf.constant([seed, start], tf.int32), 2))
            given = np.zeros([rows, *self.vae.prior.event_shape], "float32") if z is None else z[index]
            forward, betas = tf.constant(z is None), self.betas if z is None else self.betas[::-1]
            data, sizes = tf.constant(x[index]), tf.fill([len(betas), rows], self.step_size)
            if len(betas) > 2:
                pilot = (data, given, tf.constant(True), self.betas, sizes, tf.constant(True), pilot_key)
                *_, sizes = self.run(*map(tf.convert_to_tensor, pilot))
            sizes = sizes if z is None else sizes[::-1]
            log_w, accepted, _ = self.run(
                data, tf.constant(given), forward, tf.constant(betas), sizes, tf.constant(False), key
            )
            pieces.append([log_w.numpy(), accepted.numpy()])
            self._check(pieces, start + rows >= min(n, _ROWS))
        log_w, acceptance = (np.concatenate(p, axis=-1)[..., :n].astype("float64") for p in zip(*pieces, strict=True))
        top = log_w.max(axis=0)
        impossible = np.isneginf(top)  # no chain of such an example has any weight
        w = np.exp(log_w - np.where(impossible, 0.0, top))
        with np.errstate(invalid="ignore", divide="ignore"):
            ess = np.where(impossible, 0.0, w.sum(axis=0) ** 2 / (w**2).sum(axis=0))
            return AnnealedEstimate(
                log_likelihood=sign * (top + np.log(np.where(impossible, 1.0, w.mean(axis=0)))),
                standard_error=relative_error(ess, len(log_w)),
                effective_sample_size=ess,
                acceptance=acceptance,
            )

    def _check(self, pieces, enough):
        """Raises ValueError for batches that say nothing, before the next one; that too few moves, of `enough` rows."""
        check_numbers(pieces[-1][0].max(axis=0), sum(log_w.shape[-1] for log_w, _ in pieces[:-1]))
        accepted = np.mean([a.mean() for _, a in pieces])
        if enough and accepted < _FEW and len(self.betas) > 2:
            raise ValueError(
                f"Annealing accepted {accepted:.1%} of its proposals, so the chains have not moved: give a smaller "
                f"step_size than {self.step_size:g}."
            )
        if enough and accepted < _SOME and len(self.betas) > 2:
            warnings.warn(
                f"Annealing accepted {accepted:.0%} of its proposals, so the chains moved at few temperatures and the bound "
                f"is loose: give a smaller step_size than {self.step_size:g}.",
                stacklevel=5,
            )

    def _run(self, x, given, is_forward, betas, step_sizes, adapts, seed):
        """(log w `(C, B)`, acceptance `(B,)`, step sizes `(T + 1, B)` of the temperatures, adapted or as given)."""
        q = self.vae.encode(x).distribution
        prior = self.vae.prior.distribution() if self.whole_prior else self.vae.prior.near(q)

        def parts(z):
            """(log f_0, log f_1 − log f_0) at z, each `(C, B)`."""
            # A flow's bijectors remember what they inverted, also in the other branch of a `tf.cond`: not with a new tensor.
            z = tf.identity(z)
            likelihood, log_prior = log_px_z(self.vae.decode(z).distribution, x), prior.log_prob(z)
            if self.from_prior:
                return log_prior, likelihood
            log_q = q.log_prob(z)
            return log_q, log_prior + likelihood - log_q

        keys = tf.unstack(tfp.random.split_seed(seed, 2))
        rows = tf.shape(x)[0]
        chains = [self.num_chains]
        shape = tf.concat([chains, [rows], self.vae.prior.event_shape], axis=0)
        drawn = (
            prior.sample(self.num_chains * rows, seed=keys[0]) if self.from_prior else q.sample(chains, seed=keys[0])
        )
        z = tf.where(is_forward, tf.reshape(drawn, shape), tf.broadcast_to(given, shape))
        z = tf.ensure_shape(z, [self.num_chains, x.shape[0], *self.vae.prior.event_shape])
        event_axes = [1] * len(self.vae.prior.event_shape)

        def move(z, beta, step_size, seed):
            def target(z):
                base, rest = parts(z)
                return base + beta * rest

            wide = tf.reshape(step_size, tf.concat([[1], tf.shape(step_size), event_axes], axis=0))
            kernel = tfp.mcmc.HamiltonianMonteCarlo(target, wide, self.leapfrog_steps)
            z, results = kernel.one_step(z, kernel.bootstrap_results(z), seed=seed)
            accepted = tf.exp(tf.minimum(results.log_accept_ratio, 0.0))
            return z, tf.where(tf.math.is_finite(accepted), accepted, 0.0)

        def adapted(step_size, accepted):
            factor = tf.where(tf.reduce_mean(accepted, axis=0) > _TARGET, _ADAPTATION, 1 / _ADAPTATION)
            smallest, largest = min(_SMALLEST, self.step_size), max(_LARGEST, self.step_size)
            return tf.clip_by_value(step_size * factor, smallest, largest)

        def step(t, z, log_w, own_size, accepted, sizes):
            # Step sizes belong to temperatures: in reverse, the t-th move is at the temperature before.
            step_size = tf.where(adapts, own_size, tf.gather(step_sizes, tf.where(is_forward, t, t - 1)))
            key = tf.random.experimental.stateless_fold_in(keys[1], t)

            def weigh(z):
                return log_w + (betas[t] - betas[t - 1]) * parts(z)[1]

            # Forward: weigh, then move at the new temperature. In reverse: move at the old one, then weigh.
            def forward():
                weighed = weigh(z)
                return (*move(z, betas[t], step_size, key), weighed)

            def backward():
                moved = move(z, betas[t - 1], step_size, key)
                return (*moved, weigh(moved[0]))

            z, now, log_w = tf.cond(is_forward, forward, backward)
            return t + 1, z, log_w, adapted(step_size, now), accepted + now, sizes.write(t, step_size)

        start, last = tf.zeros([self.num_chains, x.shape[0]]), tf.shape(betas)[0]
        sizes = tf.TensorArray(tf.float32, last, element_shape=[x.shape[0]]).write(0, step_sizes[0])
        _, _, log_w, _, accepted, sizes = tf.while_loop(
            lambda t, *_: t < last,
            step,
            (tf.constant(1), z, start, step_sizes[0], start, sizes),
            parallel_iterations=1,
        )
        return log_w, tf.reduce_mean(accepted, axis=0) / tf.cast(last - 1, tf.float32), sizes.stack()


def schedule(num_steps, width=4.0):
    """Temperatures β_0 = 0 … β_T = 1: a sigmoid over [−width, width], rescaled; `(T + 1,)`."""
    s = 1 / (1 + np.exp(-width * np.linspace(-1, 1, num_steps + 1)))
    return (s - s[0]) / (s[-1] - s[0])
