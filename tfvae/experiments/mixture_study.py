"""How a study on a known mixture is trained, measured and drawn."""

import functools

import numpy as np
import tensorflow as tf

from tfvae import plots
from tfvae.evaluation import (
    component_assignment,
    latent_report,
    mode_report,
    nll_gap,
    same_mode_share,
    two_sample_distances,
    two_sample_null,
)
from tfvae.experiments.fits import run_fits, write_findings
from tfvae.layers import LearnedScale, MixtureNormal

_TWO_SAMPLE_ROWS = 1000  # quadratic work; the null level depends on it and is reported beside
_TRUTH_SEED = 1_000_000  # evaluation data; training data are drawn with the study's own seeds
_SUMMARY = (
    "modes_covered", "bridge_mass", "means_bridge_mass", "means_core_share", "sd_ratio", "weight_error",
    "high_quality_share", "reverse_kl",
    "nll_gap", "nll_gap_standard_error", "kl", "mutual_information", "aggregate_kl", "active_units", "same_mode_share",
    "scale", "components_used", "components_shared", "sliced_wasserstein", "sliced_wasserstein_null",
    "energy_distance", "energy_distance_null", "mmd2", "mmd2_null", "effective_sample_size",
)  # fmt: skip


def execute_study(study, run):
    """Trains what is not yet trained, measures what is not yet measured, and writes `metrics.json` and the figures."""
    truths = {fit.variant: fit.data for fit in study.fits()}
    models, histories, rows = run_fits(
        study,
        run,
        lambda fit: {"x": fit.data.sample(study.num_points, seed=fit.seed)},
        lambda model, history, fit: measure(model, fit.data, study.num_test, study.num_samples, fit.seed),
    )
    write_findings(run, rows, _SUMMARY, claims(rows))
    draw_figures(study, run, {v: (model, truths[v]) for v, model in models.items()}, histories, rows)


def measure(model, truth, num_test, num_samples, seed=0):
    """Every measure of a trained `VAE` against the mixture that its data came from, as a flat dict."""
    x = truth.sample(num_test, seed=_TRUTH_SEED + seed)
    draws, means = model.sample(num_test, seed=seed), model.sample(num_test, seed=seed, mean=True)
    of_means = mode_report(truth, means)
    gap = nll_gap(model, truth, num_test, num_samples, seed)
    few = x[: 2 * _TWO_SAMPLE_ROWS]
    row = {
        **mode_report(truth, draws).as_dict(),
        "means_bridge_mass": of_means.bridge_mass,
        "means_core_share": of_means.core_share,
        "nll_gap": gap["nll_gap"],
        "nll_gap_standard_error": gap["standard_error"],
        "nll": gap["nll"],
        "effective_sample_size": gap["effective_sample_size"],
        **latent_report(model, few, seed).as_dict(),
        "same_mode_share": same_mode_share(truth, x, model.reconstruct(x, seed=seed)),
    }
    bandwidths = _bandwidths(truth)
    n = min(_TWO_SAMPLE_ROWS, num_test)
    null = _null(tuple(map(tuple, truth.centres)), truth.sd, n)
    for name, value in two_sample_distances(x[:n], draws[:n], bandwidths).items():
        row |= {name: value, f"{name}_null": null[name][0], f"{name}_null_sd": null[name][1]}
    likelihood = model.decoder.layers[-1]
    if isinstance(likelihood, MixtureNormal):
        p = model.decode(model.prior.sample(2000, seed=tf.constant([seed, 1]))).distribution
        weights = tf.nn.softmax(p.mixture_distribution.logits).numpy()
        assignment = component_assignment(truth, weights, p.components_distribution.mean().numpy())
        row |= {"components_used": assignment["used"], "components_shared": assignment["shared"]}
        row["components_per_mode"] = assignment["components_per_mode"]
    if isinstance(getattr(likelihood, "scale", None), LearnedScale):
        row["scale"] = float(likelihood.scale.value())
    return row


def _bandwidths(truth):
    return [truth.sd * k for k in (1, 2, 4, 8)]  # at the modes' own scale: the median distance is blind to lost modes


@functools.cache
def _null(centres, sd, n):
    from tfvae.data.gaussian_mixture import GaussianMixture

    truth = GaussianMixture(np.array(centres), sd)
    return two_sample_null(truth.sample, _bandwidths(truth), n, seed=2 * _TRUTH_SEED)


def claims(rows):
    """What document 000 says, beside what was measured (means over the seeds)."""
    by = rows.groupby("variant").mean(numeric_only=True)

    def of(variant, column, form="{:.3f}"):
        return form.format(by.loc[variant, column]) if variant in by.index and column in by else "not in this run"

    def worst(variant, column, form="{:.3f}"):
        return form.format(rows.loc[rows["variant"] == variant, column].max())

    if "mse-shallow-kl2" not in by.index:
        return []
    mse, mixture = "mse-shallow-kl2", "mixture-shallow-kl2"
    return [
        {
            "document": "The MSE decoder focuses on the centroids; the widths are essentially not represented.",
            "measured": f"{of(mse, 'means_core_share', '{:.0%}')} of the decoder means lie within half a standard deviation "
            f"of a centroid, {of('mse-deep-kl2', 'means_core_share', '{:.0%}')} with the deep network; of the data 12% do.",
        },
        {
            "document": "Gaps in the latent space create edges between the centroids.",
            "measured": f"{of(mse, 'means_bridge_mass', '{:.1%}')} of the decoder means lie beyond 4 sd of every mode "
            f"(deep network: {of('mse-deep-kl2', 'means_bridge_mass', '{:.1%}')}).",
        },
        {
            "document": "Adding depth does not help; it reduces the accumulations in virtual modes.",
            "measured": f"NLL gap {of(mse, 'nll_gap')} nats shallow, {of('mse-deep-kl2', 'nll_gap')} deep.",
        },
        {
            "document": "A MixtureNormal decoder gives much better results, but not consistently.",
            "measured": f"NLL gap {of(mixture, 'nll_gap')} nats, {of(mixture, 'bridge_mass', '{:.2%}')} of the draws on "
            f"bridges, {of(mixture, 'modes_covered', '{:.1f}')} modes covered; worst seed of the deep network: NLL gap "
            f"{worst('mixture-deep-kl2', 'nll_gap')}, {worst('mixture-deep-kl2', 'bridge_mass', '{:.0%}')} on bridges.",
        },
        {
            "document": "The latent space is very smooth; reconstruction may be random between modes.",
            "measured": f"KL {of(mixture, 'kl')} nats (at 0 the decoder does not read z); "
            f"{of(mixture, 'same_mode_share', '{:.0%}')} of the reconstructions land in their input's mode "
            f"({of(mse, 'same_mode_share', '{:.0%}')} with MSE).",
        },
        {
            "document": "(not known to its author: tf_keras counted the KL twice)",
            "measured": f"With the KL once: MSE bridges {of('mse-shallow-kl1', 'means_bridge_mass', '{:.1%}')}, "
            f"mixture KL {of('mixture-shallow-kl1', 'kl')} nats.",
        },
    ]


def log_density(model, x, num_samples=64):
    """log p(x) on a grid of points, also where no datum lies: half from importance sampling, half from the prior.

    The encoder proposes badly far from the data, and the prior badly within narrow modes; both averages are unbiased for
    p(x), hence so is their mean.
    """
    from_posterior = model.log_likelihood(x, num_samples).log_likelihood
    z = model.prior.sample(8 * num_samples, seed=tf.constant([0, 0]))
    p = model.decode(z).distribution
    from_prior = np.concatenate(
        [tf.reduce_logsumexp(p.log_prob(rows[:, None]), axis=1) for rows in np.array_split(x, 40)]
    ) - np.log(len(z))
    return np.logaddexp(from_posterior, from_prior) - np.log(2)


def draw_figures(study, run, models, histories, rows):
    """The document's plots and ours, of the first seed; sweeps over all seeds."""
    truths = {id(truth): truth for _, truth in models.values()}
    n = min(study.num_test, 10_000)
    run.save_figure("loss", plots.loss_curves(histories, title="Training, first seed"))
    swept = [c for c in ("components", "width", "kl_weight_mixture", "kl_weight_mse") if c in rows]
    for column in swept:
        quantities = ["nll_gap", "kl", "active_units", "means_bridge_mass", "same_mode_share"]
        quantities += ["components_shared"] if column == "components" else []
        frame = rows[rows[column].notna()]
        run.save_figure(f"sweep-{column}", plots.sweep(frame, column, quantities, title=column))
    if swept:
        return
    for k, truth in enumerate(truths.values()):
        own = {v: m for v, (m, t) in models.items() if t is truth}
        x = truth.sample(n, seed=_TRUTH_SEED)
        draws = {v: m.sample(n, seed=study.seed) for v, m in own.items()}
        means = {v: m.sample(n, seed=study.seed, mean=True) for v, m in own.items()}
        margin = 4 * truth.sd + 0.1 * np.ptp(truth.centres, axis=0).max()
        low, high = truth.centres.min(axis=0) - margin, truth.centres.max(axis=0) + margin
        limits = tuple(zip(low, high, strict=True))
        codes = {v: m.encode(x).value.numpy() for v, m in own.items()}
        label = truth.distances(x).argmin(axis=1)
        prefix = f"{k + 1}-"
        data = {"data": x, **draws}
        run.save_figure(
            f"{prefix}draws", plots.scatter_panels(data, "Draws from p(x|z), z ~ p(z)", limits, truth.centres)
        )
        run.save_figure(
            f"{prefix}means",
            plots.scatter_panels({"data": x, **means}, "Decoder means, z ~ p(z)", limits, truth.centres),
        )
        run.save_figure(
            f"{prefix}latent",
            plots.labelled_scatter({v: (z, label) for v, z in codes.items()}, "z ~ q(z|x), coloured by the mode of x"),
        )
        back = {v: (m.reconstruct(x, seed=study.seed), label) for v, m in own.items()}
        run.save_figure(
            f"{prefix}reconstructions",
            plots.labelled_scatter(back, "Draws from p(x|z), z ~ q(z|x), coloured by x's mode"),
        )
        densities = {"truth": truth.log_prob}
        densities |= {v: functools.partial(log_density, m) for v, m in own.items()}
        run.save_figure(f"{prefix}density", plots.density_contours(densities, limits, "log p(x)"))
        first = list(own)[:1] + [v for v in own if "mixture" in v][:1]
        run.save_figure(
            f"{prefix}document-data",
            plots.displot({"train": x, **{f"synthetic {v} (means)" if "mse" in v else f"synthetic {v} (draws)":
                           (means if "mse" in v else draws)[v] for v in first}}, "Document 000's data plot"),
        )  # fmt: skip
        run.save_figure(
            f"{prefix}document-latent", plots.displot({v: codes[v] for v in first}, "Document 000's latent plot")
        )
