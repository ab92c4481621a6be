"""What the fits of all kinds of data share."""

import keras
import numpy as np

from tfvae import plots, priors
from tfvae.catalogue import check_rows, model_arguments, parse_prior
from tfvae.checkpoints import fit_in_run
from tfvae.importance import standard_error


def model_maker(room, options, train, *sizes):
    """A function without arguments that makes the model which `options` describe.

    Args:
        room: the module of the models for this kind of data.
        options: dict with `model`, `prior`, `seed`, and the models' own arguments, None for their defaults.
        train: `(n, E)`, the data that a prior may be made of.
        sizes: what the data say of the model's size: its first arguments.
    """
    names = ("latent_dim", "hidden", "num_components", "learning_rate")
    settings = {k: options[k] for k in names if options[k] is not None}
    if "seed" in model_arguments(room.__name__.rpartition(".")[2], options["model"]):
        settings["seed"] = options["seed"]
    if options["prior"]:
        settings["make_prior"] = prior_maker(options["prior"], train, options["seed"])
    make = getattr(room, options["model"].replace("-", "_"))
    return lambda: make(*sizes, **settings)


def prior_maker(text, train, seed):
    """A function from a latent size to the prior that `--prior` names, started on the rows `train` where it is made of them.

    Raises:
        UserError: where it needs more rows than there are.
    """
    check_rows(text, len(train))
    name, number = parse_prior(text)
    width = train.shape[1]

    def vamp(latent_dim):
        unit = train.min() >= 0 and train.max() <= 1
        prior = priors.VampPrior(latent_dim, number, width, bounds=(0.0, 1.0) if unit else None, seed=seed)
        prior.start_at(train, seed)
        return prior

    def exemplar(latent_dim):
        binary = bool(np.isin(train, (0, 1)).all())
        prior = priors.ExemplarPrior(latent_dim, min(number, len(train)), width, binary=binary)
        prior.start_at(train, seed)
        return prior

    return {
        "standard": priors.StandardNormal,
        "mixture": lambda latent_dim: priors.MixturePrior(latent_dim, number, seed=seed),
        "vamp": vamp,
        "exemplar": exemplar,
        "flow": lambda latent_dim: priors.FlowPrior(latent_dim, number, seed=seed),
    }[name]


def fit_until_worse(run, make_model, train, validation, options):
    """(model, history) of a fit that stops when the validation loss no longer falls, at its best epoch."""
    stopping = keras.callbacks.EarlyStopping("val_loss", patience=options["patience"], restore_best_weights=True)
    return fit_in_run(
        run, make_model, train, seed=options["seed"], callbacks=[stopping], epochs=options["epochs"],
        batch_size=options["batch_size"], validation_data=validation, verbose=options["verbose"],
        checkpoint_seconds=options["checkpoint_seconds"],
    )  # fmt: skip


def comparison(scores):
    """Rows for the report, from a dict model -> log p of each held-out example, in nats."""
    return [
        {"model": name, "nll": -float(np.mean(s)), "standard_error": standard_error(s)} for name, s in scores.items()
    ]


def draw_latent(run, name, z, codes, of):
    """The figure of latent means, `(n, D)`, coloured by integer codes, `(n,)`; `of` says what is shown."""
    if z.shape[1] > 2:
        from sklearn.decomposition import PCA

        z, of = PCA(2).fit_transform(z), f"first two principal components, {of}"
    run.save_figure(name, plots.labelled_scatter({of: (z, codes)}, "Means of q(z|x)"))
