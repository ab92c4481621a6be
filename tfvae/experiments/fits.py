"""How the fits of a study are trained and measured, one after the other: a kill loses at most what one fit has not saved."""

from tfvae import runs
from tfvae.host.errors import DivergedError
from tfvae.host.lazy import Later
from tfvae.runs.directory import METRICS

keras, pd = Later("keras"), Later("pandas")


def run_fits(study, run, fit_arguments, measure):
    """Trains what is not yet trained and measures what is not yet measured; progress counts epochs.

    Args:
        study: `Study`.
        run: `RunDirectory`; measures are written into its `metrics.json` after every fit.
        fit_arguments: function of a `Fit`, the arguments of `fit_in_run` (`x`, `validation_data`, …).
        measure: function of a trained model, its history and its `Fit`, a flat dict of measures.

    Returns:
        (models, histories, rows): variant -> model and history of the study's first seed, and a `pandas.DataFrame` with a
        row of measures for each fit; of one that diverged, what is said of that in the column `diverged`.
    """
    fits = study.fits()
    measured = {row["fit"]: row for row in run.read_json(METRICS, default={"fits": []})["fits"]}
    models, histories = {}, {}
    # Diverged, or measured at a seed whose models are not shown: nothing is left to do, also where the model is gone.
    finished = {name for name, row in measured.items() if "diverged" in row or row["seed"] != study.seed}
    trained = finished | set(run.models())  # which would make the others seem quick
    progress = keras.utils.Progbar(sum(fit.epochs for fit in fits if fit.name not in trained), unit_name="epoch")
    tick = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: progress.add(1))
    done = 0
    for fit in fits:
        if fit.name in finished:
            continue
        arguments = fit_arguments(fit)
        callbacks = [*arguments.pop("callbacks", ()), tick]
        try:
            model, history = runs.fit_in_run(
                run, fit.make, name=fit.name, seed=fit.seed, epochs=fit.epochs, batch_size=fit.batch_size, verbose=0,
                callbacks=callbacks, **arguments,
            )  # fmt: skip
        except DivergedError as error:  # the others can still be compared
            measured[fit.name] = _about(fit) | {"diverged": str(error)}
            run.write_json(METRICS, {"fits": list(measured.values())})
            continue
        if fit.name not in trained:
            done += fit.epochs
            progress.update(done)
        if fit.name not in measured:
            measured[fit.name] = _about(fit) | measure(model, history, fit)
            run.write_json(METRICS, {"fits": list(measured.values())})
        if fit.seed == study.seed:
            models[fit.variant], histories[fit.variant] = model, history
    return models, histories, pd.DataFrame([measured[fit.name] for fit in fits])


def _about(fit):
    return {"fit": fit.name, "variant": fit.variant, "seed": fit.seed, **fit.settings}


def summarize(rows, measures):
    """variant -> measure -> mean, sd, worst and best over the seeds, and their number."""
    summary = {}
    finished = rows[rows["diverged"].isna()] if "diverged" in rows else rows
    for variant, group in finished.groupby("variant", sort=False):
        columns = [c for c in measures if c in group and group[c].notna().all()]
        summary[variant] = {"seeds": len(group)} | {
            c: {
                "mean": float(group[c].mean()),
                "sd": float(group[c].std(ddof=1)) if len(group) > 1 else None,
                "min": float(group[c].min()),
                "max": float(group[c].max()),
            }
            for c in columns
        }
    return summary


def write_findings(run, rows, measures, claims=(), **tables):
    """`metrics.json` of a finished study: summary over the seeds, the document's claims, `tables`, every fit's measures."""
    fits = [{k: v for k, v in row.items() if not _is_missing(v)} for row in rows.to_dict("records")]
    run.write_json(METRICS, {"summary": summarize(rows, measures), "claims": list(claims), **tables, "fits": fits})


def _is_missing(value):
    return isinstance(value, float) and value != value
