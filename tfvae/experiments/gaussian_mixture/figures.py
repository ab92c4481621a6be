"""The document's plots of a known mixture and ours, of the first seed; sweeps over all seeds."""

import functools

import numpy as np

from tfvae import plots
from tfvae.host.lazy import Later

tf = Later("tensorflow")
TRUTH_SEED = 1_000_000  # evaluation data; training data are drawn with the study's own seeds


def draw(study, run, models, histories, rows):
    """The document's plots and ours, of the first seed; sweeps over all seeds."""
    truths = {id(truth): truth for _, truth in models.values()}
    n = min(study.num_test, 10_000)
    run.save_figure(
        "loss",
        plots.loss_curves(histories, title="Training, first seed"),
        "Training losses of the first seed. Dashed: validation.",
    )
    swept = [c for c in ("components", "width", "kl_weight_mixture", "kl_weight_mse") if c in rows]
    for column in swept:
        quantities = ["nll_gap", "kl", "active_units", "means_bridge_mass", "same_mode_share"]
        quantities += ["components_shared"] if column == "components" else []
        frame = rows[rows[column].notna()]
        run.save_figure(
            f"sweep-{column}",
            plots.sweep(frame, column, quantities, title=column),
            "Each measure against the setting that is swept; bars are standard deviations over the seeds.",
        )
    if swept:
        return
    for k, truth in enumerate(truths.values()):
        own = {v: m for v, (m, t) in models.items() if t is truth}
        x = truth.sample(n, seed=TRUTH_SEED)
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
            f"{prefix}draws",
            plots.scatter_panels(data, "Draws from p(x|z), z ~ p(z)", limits, truth.centres),
            "Draws of p(x|z) with z from the prior, centres as crosses. Draws between the centres are the document's "
            "bridges.",
        )
        run.save_figure(
            f"{prefix}means",
            plots.scatter_panels({"data": x, **means}, "Decoder means, z ~ p(z)", limits, truth.centres),
            "Decoder means of draws of the prior, beside the data. With a squared error they lie on centroids and the "
            "edges between.",
        )
        run.save_figure(
            f"{prefix}latent",
            plots.labelled_scatter({v: (z, label) for v, z in codes.items()}, "z ~ q(z|x), coloured by the mode of x"),
            "Draws of q(z|x), coloured by the mode of x. Modes that lie apart are told apart by z.",
        )
        back = {v: (m.reconstruct(x, seed=study.seed), label) for v, m in own.items()}
        run.save_figure(
            f"{prefix}reconstructions",
            plots.labelled_scatter(back, "Draws from p(x|z), z ~ q(z|x), coloured by x's mode"),
            "Reconstructions, coloured by the mode of x: in one colour each, where z knows the mode.",
        )
        densities = {"truth": truth.log_prob}
        densities |= {v: functools.partial(log_density, m) for v, m in own.items()}
        run.save_figure(
            f"{prefix}density",
            plots.density_contours(densities, limits, "log p(x)"),
            "log p(x) of the truth and of each model.",
        )
        first = list(own)[:1] + [v for v in own if "mixture" in v][:1]
        run.save_figure(
            f"{prefix}document-data",
            plots.displot({"train": x, **{f"synthetic {v} (means)" if "mse" in v else f"synthetic {v} (draws)":
                           (means if "mse" in v else draws)[v] for v in first}}, "Document 000's data plot"),
"The document's own plot of data and draws.",
        )  # fmt: skip
        run.save_figure(
            f"{prefix}document-latent",
            plots.displot({v: codes[v] for v in first}, "Document 000's latent plot"),
            "The document's own plot of codes.",
        )


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
