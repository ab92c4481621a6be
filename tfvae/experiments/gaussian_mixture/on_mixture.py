"""How a model of a known mixture is trained and measured."""

import abc
import dataclasses
import functools
from typing import ClassVar

import numpy as np

from tfvae import evaluation, layers
from tfvae.data.gaussian_mixture import GaussianMixture
from tfvae.experiments.fits import run_fits, write_findings
from tfvae.experiments.gaussian_mixture import figures
from tfvae.experiments.gaussian_mixture.figures import TRUTH_SEED
from tfvae.experiments.study import Study
from tfvae.host.lazy import Later

keras, tf = Later("keras"), Later("tensorflow")

_TWO_SAMPLE_ROWS = 1000  # quadratic work; the null level depends on it and is reported beside
_SUMMARY = (
    "modes_covered", "bridge_mass", "means_bridge_mass", "means_core_share", "sd_ratio", "weight_error",
    "high_quality_share", "reverse_kl",
    "nll_gap", "nll_gap_standard_error", "kl", "mutual_information", "aggregate_kl", "active_units", "same_mode_share",
    "scale", "components_used", "components_shared", "sliced_wasserstein", "sliced_wasserstein_null",
    "energy_distance", "energy_distance_null", "mmd2", "mmd2_null", "effective_sample_size",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class OnMixture(Study, abc.ABC):
    """Abstract: variants trained on a known mixture over several seeds, each measured in the same way."""

    num_points: int = 100_000
    epochs: int = 10
    batch_size: int = 32
    num_components: int = 16
    num_test: int = 20_000
    num_samples: int = 200

    quick: ClassVar[dict] = {"num_points": 4_000, "epochs": 2, "num_seeds": 1, "num_test": 1_000, "num_samples": 20}

    def claims(self, rows):
        """What the document says beside what was measured; empty where it says nothing."""
        del rows
        return []

    def cosine_adam(self, epochs, batch_size, learning_rate=1e-3):
        """Adam whose learning rate falls to 0 along a cosine over the whole fit."""
        steps = epochs * -(-self.num_points // batch_size)
        return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps))

    def execute(self, run):
        """Trains what is not yet trained, measures what is not yet measured, and writes `metrics.json` and the figures."""
        truths = {fit.variant: fit.data for fit in self.fits()}
        models, histories, rows = run_fits(
            self,
            run,
            lambda fit: {"x": fit.data.sample(self.num_points, seed=fit.seed)},
            lambda model, history, fit: measure(model, fit.data, self.num_test, self.num_samples, fit.seed),
        )
        write_findings(run, rows, _SUMMARY, self.claims(rows))
        figures.draw(self, run, {v: (model, truths[v]) for v, model in models.items()}, histories, rows)


def measure(model, truth, num_test, num_samples, seed=0):
    """Every measure of a trained `VAE` against the mixture that its data came from, as a flat dict."""
    x = truth.sample(num_test, seed=TRUTH_SEED + seed)
    draws, means = model.sample(num_test, seed=seed), model.sample(num_test, seed=seed, mean=True)
    of_means = evaluation.mode_report(truth, means)
    gap = evaluation.nll_gap(model, truth, num_test, num_samples, seed)
    few = x[: 2 * _TWO_SAMPLE_ROWS]
    row = {
        **evaluation.mode_report(truth, draws).as_dict(),
        "means_bridge_mass": of_means.bridge_mass,
        "means_core_share": of_means.core_share,
        "nll_gap": gap["nll_gap"],
        "nll_gap_standard_error": gap["standard_error"],
        "nll": gap["nll"],
        "effective_sample_size": gap["effective_sample_size"],
        **evaluation.latent_report(model, few, seed).as_dict(),
        "same_mode_share": evaluation.same_mode_share(truth, x, model.reconstruct(x, seed=seed)),
    }
    bandwidths = _bandwidths(truth)
    n = min(_TWO_SAMPLE_ROWS, num_test)
    null = _null(tuple(map(tuple, truth.centres)), truth.sd, n)
    for name, value in evaluation.two_sample_distances(x[:n], draws[:n], bandwidths).items():
        row |= {name: value, f"{name}_null": null[name][0], f"{name}_null_sd": null[name][1]}
    likelihood = model.decoder.layers[-1]
    if isinstance(likelihood, layers.MixtureNormal):
        p = model.decode(model.prior.sample(2000, seed=tf.constant([seed, 1]))).distribution
        weights = tf.nn.softmax(p.mixture_distribution.logits).numpy()
        assignment = evaluation.component_assignment(truth, weights, p.components_distribution.mean().numpy())
        row |= {"components_used": assignment["used"], "components_shared": assignment["shared"]}
        row["components_per_mode"] = assignment["components_per_mode"]
    if isinstance(getattr(likelihood, "scale", None), layers.LearnedScale):
        row["scale"] = float(tf.reduce_mean(likelihood.scale.value()))
    return row


def _bandwidths(truth):
    return [truth.sd * k for k in (1, 2, 4, 8)]  # at the modes' own scale: the median distance is blind to lost modes


@functools.cache
def _null(centres, sd, n):
    truth = GaussianMixture(np.array(centres), sd)
    return evaluation.two_sample_null(truth.sample, _bandwidths(truth), n, seed=2 * TRUTH_SEED)
