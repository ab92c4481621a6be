"""What the studies of priors measure in common: the ELBO's parts, importance-sampled likelihoods, paired gains."""

import numpy as np

import tfvae
from tfvae import plots, priors
from tfvae.host.lazy import Later

tf = Later("tensorflow")
TEST_SEED = 777  # of the binarization of the test digits, which are drawn alone
MEASURES = ("nll", "negative_elbo", "kl", "reconstruction", "doubling_gain", "effective_sample_size", "components_used")
LATENT_ROWS = 2_000  # of the test data, to count active units on


def evaluate(run, model, fit, test, scored, num_samples):
    """The ELBO's parts on `test` and the importance-sampled NLL of `scored`, whose rows are kept for paired gains.

    The same for every model, whatever it was trained on: KL by Monte Carlo against the prior itself, one draw an image.
    """
    parts = [elbo_parts(model, some, fit.seed + k) for k, some in enumerate(np.array_split(test, -(-len(test) // 500)))]
    reconstruction, kl = (float(np.mean(np.concatenate(values))) for values in zip(*parts, strict=True))
    estimate = model.log_likelihood(scored, num_samples, fit.seed)
    with run.writing(f"likelihoods/{fit.name}.npy") as path, open(path, "wb") as file:
        np.save(file, estimate.log_likelihood.astype("float32"))
    return {
        "nll": -estimate.mean,
        "nll_standard_error": estimate.mean_standard_error,
        "doubling_gain": float(np.nanmean(estimate.doubling_gain)),
        "effective_sample_size": float(np.median(estimate.effective_sample_size)),
        "negative_elbo": reconstruction + kl,
        "kl": kl,
        "reconstruction": reconstruction,
        **components_used(model, test),
    }


def components_used(model, x):
    """exp of the entropy of the components' use, where the prior is a mixture whose components can all be counted."""
    if not isinstance(model.prior, (priors.MixturePrior, priors.VampPrior)):
        return {}
    use = component_use(model, x)
    return {"components_used": float(np.exp(-np.sum(use * np.log(use + 1e-12))))}


def component_use(model, x):
    """The average responsibility p(k|z) of each component of the prior at the means of q(z|x), `(K,)`."""
    prior = model.prior.distribution()
    parts = [x[k : k + 1000] for k in range(0, len(x), 1000)]
    return sum(prior.responsibilities(model.encode(some).mean()).numpy().sum(axis=0) for some in parts) / len(x)


def elbo_parts(model, x, seed):
    """−log p(x|z) and log q(z|x) − log p(z) at one draw z ~ q of each row, arrays `(N,)` in nats."""
    q = model.encode(x).distribution
    z = q.sample(seed=tf.constant([seed, 11], tf.int32))
    kl = tfvae.divergences.monte_carlo_kl(q, model.prior.near(q), z)
    return -tfvae.importance.log_px_z(model.decode(z).distribution, tf.constant(x)).numpy(), kl.numpy()


def paired_gain(run, better, worse):
    """(mean, standard error) of log p(x) of one fit over another's on the same images, in nats."""
    difference = np.load(run.path / f"likelihoods/{better}.npy") - np.load(run.path / f"likelihoods/{worse}.npy")
    return float(difference.mean()), tfvae.importance.standard_error(difference)


def gains(run, rows, reference):
    """Each fit's gain over the `reference` variant of its own seed: rows of a table, in nats."""
    seeds = set(rows.loc[rows["variant"] == reference, "seed"])
    table = []
    for fit in rows[rows["variant"] != reference].itertuples():
        if fit.seed in seeds:
            gain, error = paired_gain(run, fit.fit, f"{reference}-seed{fit.seed}")
            table.append(
                {"variant": fit.variant, "over": reference, "seed": fit.seed, "gain": gain, "standard_error": error}
            )
    return table


def pooled(table):
    """Each variant's mean gain over the seeds with the standard error of that mean, where there are several."""
    rows = []
    for variant in dict.fromkeys(row["variant"] for row in table):
        found = [row["gain"] for row in table if row["variant"] == variant]
        error = tfvae.importance.standard_error(np.array(found)) if len(found) > 1 else None
        rows.append({"variant": variant, "seeds": len(found), "gain": float(np.mean(found)), "standard_error": error})
    return rows


def words(table, variant):
    """The gains of a variant as a phrase: "2.10 ± 0.03, 2.05 ± 0.03"."""
    found = [f"{row['gain']:.2f} ± {row['standard_error']:.2f}" for row in table if row["variant"] == variant]
    return ", ".join(found) or "not run"


def kl_table(model, x, seed, num_draws=100):
    """Every estimator of KL(q(z|x) ‖ p(z)) on a trained model: its mean over x, and the noise of one draw, in nats."""
    q, prior = model.encode(x).distribution, model.prior.distribution()
    draws = tf.unstack(q.sample(num_draws, seed=tf.constant([seed, 7], tf.int32)))
    table = []
    d = tfvae.divergences
    for estimator in (d.MonteCarloKL, d.MonteCarloCrossEntropyKL, d.ProductKL, d.VariationalKL, d.MinKL, d.ConvexityKL):
        drawn = estimator.direction == "unbiased"
        each = draws if drawn else draws[:1]  # one draw after the other: (S, B, K) is much
        values = np.stack([estimator()(q, prior, z).numpy() for z in each]).astype("float64")
        variance = values.var(axis=0, ddof=1).mean() if drawn else None  # of one draw
        table.append(
            {
                "estimator": estimator.__name__,
                "direction": estimator.direction,
                "mean": float(values.mean()),
                "sd_of_one_draw": float(np.sqrt(variance)) if drawn else None,
                # of the mean over these x, by the draws
                "standard_error": float(np.sqrt(variance / values.size)) if drawn else None,
            }
        )
    return table


def draw_gains(run, histories, table, models, seed):
    """The figures of a comparison with N(0, I): losses, gains, and draws of each model."""
    run.save_figure(
        "1-loss",
        plots.loss_curves(histories, title="Training, first seed"),
        "Training losses of the first seed. Dashed: validation.",
    )
    run.save_figure(
        "2-gains",
        plots.gains(table, "log p(x) over N(0, I), same images"),
        "Gain in log p(x) over N(0, I) on the same images and seed, with its standard error.",
    )
    draw_samples(run, models, 3, 200, seed)


def draw_samples(run, models, first, n, seed, columns=20):
    """Figures `first-NAME`, `first + 1-NAME`, …: the decoder means of `n` prior draws of each model of digits."""
    for k, (name, model) in enumerate(models.items(), first):
        means = model.sample(n, seed=seed, mean=True).reshape(-1, 28, 28)
        run.save_figure(
            f"{k}-{name}",
            plots.image_grid(means, f"{name}: decoder means of {n} prior draws", columns),
            "Decoder means of draws of the prior. Shapes that are no digit come from places where no code lies.",
        )
