"""What the fits of tables and images share."""

import inspect
import sys
import tempfile
from pathlib import Path

import numpy as np

import tfvae
from tfvae import models, plots, runs
from tfvae.host.errors import DivergedError, UserError
from tfvae.host.stderr import start_tensorflow
from tfvae.priors.by_name import PriorChoice
from tfvae.runs.directory import RunDirectory

_TRIES = 3  # of a training that diverges, each with a tenth of the learning rate before


def folder_of(out):
    """The run directory's path: the one given, or a new one that the system clears away."""
    return Path(out) if out is not None else Path(tempfile.mkdtemp(prefix="tfvae-")) / "run"


def start_run(out, config, *, overwrite, resume):
    """The `RunDirectory` with its config; UserError where its data have changed since it was started."""
    directory = RunDirectory.create(out, config, overwrite=overwrite, resume=resume)
    if resume and directory.read_json("config.json")["data"]["sha256"] != config["data"]["sha256"]:
        raise UserError(f"The data have changed since {out} was started: fit them anew into another folder by `out`.")
    return directory


def model_maker(options, train, *sizes):
    """A function without arguments that makes the model which `options` describe.

    Args:
        options: `FitOptions`.
        train: `(n, E)`, the data that a prior may be made of, or a model started on.
        sizes: what the data say of the model's size: its first arguments.
    """
    make = options.models[options.model]
    names = ("latent_dim", "hidden", "num_components", "learning_rate")
    settings = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    if "seed" in inspect.signature(make).parameters:
        settings["seed"] = options.seed
    if options.prior:
        # Priors made of rows see of a value that is not there what the encoder sees: 0.
        rows = np.nan_to_num(train) if np.isnan(train).any() else train
        settings["make_prior"] = PriorChoice.parse(options.prior).maker(rows, options.seed)

    def made():
        model = make(*sizes, **settings)
        if isinstance(model, models.ModeVAE):
            model.adapt(train, options.seed)
        return model

    return made


def fit_until_worse(
    run, make_model, train, validation, options, verbose, checkpoint_seconds, restore=True, name="model", tries=_TRIES
):
    """(model, history) of a fit that stops when the validation loss no longer falls; at its best epoch, or at its last.

    One that diverges is tried again with a tenth of the learning rate, unless the user has chosen that.
    """
    start_tensorflow()
    import keras

    stopping = keras.callbacks.EarlyStopping("val_loss", patience=options.patience, restore_best_weights=restore)
    try:
        return runs.fit_in_run(
            run,
            make_model,
            train,
            name=name,
            seed=options.seed,
            callbacks=[stopping],
            epochs=options.epochs,
            batch_size=options.batch_size,
            validation_data=validation,
            verbose=verbose,
            checkpoint_seconds=checkpoint_seconds,
        )
    except DivergedError:
        if tries == 1 or options.learning_rate is not None:
            raise
    if verbose:
        sys.stderr.write("The training diverged: once more with a tenth of the learning rate.\n")
    return fit_until_worse(
        run, _slower(make_model), train, validation, options, verbose, checkpoint_seconds, restore, name, tries - 1
    )


def _slower(make_model):
    def made():
        model = make_model()
        for name in ("optimizer", "discriminator_optimizer"):
            if getattr(model, name, None) is not None:
                rate = getattr(model, name).learning_rate
                rate.assign(0.1 * rate)
        return model

    return made


def comparison(scores):
    """Rows for the report, from a dict model -> log p of each held-out example, in nats; the first is the model's own.

    Differences are paired by the example: by how many nats a model is behind the first.
    """
    own = next(iter(scores.values()))
    rows = []
    with np.errstate(invalid="ignore"):  # of rows without any density, whose errors are no numbers
        for k, (name, s) in enumerate(scores.items()):
            behind = {
                "difference": float(np.mean(own - s)),
                "difference_error": tfvae.importance.standard_error(own - s),
            }
            row = {"model": name, "nll": -float(np.mean(s)), "standard_error": tfvae.importance.standard_error(s)}
            rows.append(row | (behind if k else dict.fromkeys(behind)))
    return rows


def draw_latent(run, name, z, labels, what):
    """The figure of latent means, `(n, D)`, coloured by labels, `(n,)`; None for no colours. `what` says what is shown."""
    caption = f"Where the encoder puts {what}: the means of q(z|x)."
    if z.shape[1] > 2:
        from sklearn.decomposition import PCA

        z = PCA(2).fit_transform(z)
        caption += " Of all dimensions, the first two principal components."
    names, codes = ((), np.zeros(len(z), int)) if labels is None else np.unique(labels, return_inverse=True)
    if labels is not None:
        caption += " Colours that lie apart are told apart by z."
    run.save_figure(name, plots.labelled_scatter({"": (z, codes)}, "Means of q(z|x)", names=names), caption)
