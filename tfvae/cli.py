"""The command `tfvae`. TensorFlow is imported only where a command needs it, after all that can be checked without."""

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from tfvae.errors import UserError

app = typer.Typer(
    help="Variational autoencoders for data with many modes: run the documents' experiments, or fit your own data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

RunPath = Annotated[Path, typer.Argument(help="a run directory", metavar="RUN")]
Data = Annotated[str, typer.Argument(help="a .csv, .parquet, .npy or .npz file, or `digits`", metavar="DATA")]
Output = Annotated[Path, typer.Option("-o", "--output", help="the file to write: .csv, .parquet, .npy or .npz")]
Seed = Annotated[int, typer.Option(min=0, max=2**31 - 1, help="of all randomness")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="replace an earlier run in --out")]
Resume = Annotated[bool, typer.Option("--resume", help="continue the interrupted run in --out")]
ModelName = Annotated[str | None, typer.Option("--model", help="which model, in a run that has several")]


@app.callback()
def _options(debug: Annotated[bool, typer.Option("--debug", help="show tracebacks")] = False):
    del debug  # read in `main`, which also serves errors in the arguments themselves


@app.command("list")
def list_all():
    """Experiments, models and data sets, one line each."""
    from tfvae import catalogue
    from tfvae.experiments import all_experiments

    sections = {
        "Experiments (tfvae run NAME)": {name: cls.summary for name, cls in all_experiments().items()},
        "Models (tfvae fit DATA --model NAME)": catalogue.models(),
        "Data sets": catalogue.datasets(),
    }
    for title, entries in sections.items():
        typer.echo(f"{title}:")
        width = max(map(len, entries))
        for name, line in entries.items():
            typer.echo(f"  {name:<{width}}  {line}")


@app.command()
def run(
    experiment: Annotated[str, typer.Argument(help="its name: see `tfvae list`")],
    preset: Annotated[str, typer.Option(help="quick (shows that it runs) or paper (the findings)")] = "paper",
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="run directory; runs/EXPERIMENT-PRESET-SEED by default")] = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
):
    """Run an experiment into a run directory, with a report."""
    from tfvae.experiments import find_experiment

    chosen = find_experiment(experiment).with_preset(preset, seed=seed)
    out = out or Path("runs") / f"{experiment}-{preset}-{seed}"
    directory = chosen.create_run(out, preset=preset, overwrite=overwrite, resume=resume)
    _import_tensorflow()
    chosen.fill(directory)
    typer.echo(f"Report: {directory.path / 'report.html'}")


@app.command()
def fit(
    data: Data,
    model: Annotated[str, typer.Option(help="see `tfvae list`")] = "mixture-prior",
    out: Annotated[Path | None, typer.Option(help="run directory; runs/NAME-MODEL by default")] = None,
    columns: Annotated[str, typer.Option(help="model these only: names with commas between")] = "",
    exclude: Annotated[str, typer.Option(help="leave these out: names with commas between")] = "",
    label: Annotated[str, typer.Option(help="a column that is not modelled but colours the figures")] = "",
    missing: Annotated[str, typer.Option(help="rows with missing values: refuse or drop")] = "refuse",
    holdout: Annotated[float, typer.Option(help="share of the rows held out for evaluation")] = 0.1,
    latent_dim: Annotated[
        int | None, typer.Option(min=1, help="half the number of columns, 2 to 16, by default")
    ] = None,
    num_components: Annotated[int | None, typer.Option(min=1, help="of the mixture")] = None,
    hidden: Annotated[str, typer.Option(help="widths of the hidden layers")] = "128,128",
    learning_rate: Annotated[float, typer.Option(help="of Adam")] = 1e-3,
    epochs: Annotated[int, typer.Option(min=1, help="at most")] = 300,
    batch_size: Annotated[int, typer.Option(min=1)] = 64,
    patience: Annotated[int, typer.Option(min=1, help="epochs without a better validation loss before stopping")] = 30,
    checkpoint_seconds: Annotated[float, typer.Option(min=0, help="least time between two checkpoints")] = 10.0,
    seed: Seed = 0,
    resume: Resume = False,
    overwrite: Overwrite = False,
):
    """Fit a model to your own table."""
    from tfvae import catalogue
    from tfvae.data.tables import TableCodec, check_values, file_hash, read_table, split_rows
    from tfvae.runs import RunDirectory

    if model not in catalogue.models():
        raise UserError(f"There is no model {model!r}: choose one of {', '.join(catalogue.models())}.")
    if num_components is not None and "num_components" not in catalogue.model_arguments(model):
        raise UserError(f"--num-components is not an option of the model {model}.")
    if missing not in ("refuse", "drop"):
        raise UserError(f"--missing must be refuse or drop, but is {missing!r}.")
    if not 0 < holdout < 1:
        raise UserError(f"--holdout must be between 0 and 1, but is {holdout}.")
    if not learning_rate > 0:
        raise UserError(f"--learning-rate must be above 0, but is {learning_rate}.")
    name = Path(data).stem
    out = out or Path("runs") / f"{name}-{model}"
    if data == "digits" and not label:
        label = "digit"
    frame, labels = _select(read_table(data), columns, exclude, label)
    rows = len(frame)
    frame = check_values(frame, missing)
    labels = labels.loc[frame.index] if labels is not None else None
    split_rows(len(frame), holdout, seed)
    codec = TableCodec.fit(frame)
    arguments = {
        "data": data, "model": model, "columns": columns, "exclude": exclude, "label": label, "missing": missing,
        "holdout": holdout, "latent_dim": latent_dim, "num_components": num_components, "hidden": _widths(hidden),
        "learning_rate": learning_rate, "epochs": epochs, "batch_size": batch_size, "patience": patience, "seed": seed,
    }  # fmt: skip
    about = {"sha256": file_hash(data), "rows": rows, "rows_used": len(frame)}
    config = {"command": "fit", "arguments": arguments, "data": about, "table": codec.to_config()}
    directory = RunDirectory.create(out, config, overwrite=overwrite, resume=resume)
    if resume and directory.read_json("config.json")["data"]["sha256"] != about["sha256"]:
        raise UserError(f"{data} has changed since {out} was started: fit it anew into another --out.")
    for column in codec.constants:
        typer.echo(
            f"Column {column.name!r} is constant: it is left out of the model and written back in samples.", err=True
        )
    _import_tensorflow()
    from tfvae.fitting import fit_table
    from tfvae.report import write_report

    options = {**arguments, "verbose": "auto" if sys.stdout.isatty() else 0, "checkpoint_seconds": checkpoint_seconds}
    metrics = fit_table(directory, frame.reset_index(drop=True), labels, options)
    write_report(directory)
    for row in metrics["comparison"]:
        typer.echo(f"{row['nll']:12.4f} ± {row['standard_error']:.4f} nats  held-out −log p(x), {row['model']}")
    typer.echo(f"Report: {directory.path / 'report.html'}")


@app.command()
def sample(
    run: RunPath,
    output: Output,
    n: Annotated[int, typer.Option("-n", min=1, help="number of draws")] = 1000,
    mean: Annotated[bool, typer.Option("--mean", help="decoder means instead of draws")] = False,
    seed: Seed = 0,
    model: ModelName = None,
):
    """Draw rows from a trained model, in the data's units."""
    loaded = _load(run, model, output)
    _write(_frame(loaded, loaded.model.sample(n, seed=seed, mean=mean)), output)


@app.command()
def encode(run: RunPath, data: Data, output: Output, model: ModelName = None):
    """Write the means and standard deviations of q(z|x) for each row."""
    import pandas as pd

    rows = _rows(run, data)
    loaded = _load(run, model, output)
    q = loaded.model.encode(_vectors(loaded, rows)).distribution
    parts = {"mean": q.mean().numpy(), "sd": q.stddev().numpy()}
    _write(pd.DataFrame({f"z{d}_{k}": v[:, d] for k, v in parts.items() for d in range(v.shape[1])}), output)


@app.command()
def decode(run: RunPath, codes: Data, output: Output, model: ModelName = None):
    """Write the means of p(x|z) for codes z: columns z0_mean, z1_mean, … as `encode` writes them, or an array (n, D)."""
    import numpy as np

    from tfvae.data.tables import check_values, read_table

    frame = check_values(read_table(codes))
    loaded = _load(run, model, output)
    dimension = loaded.model.prior.event_shape[0]
    names = [f"z{d}_mean" for d in range(dimension)]
    if all(name in frame for name in names):
        frame = frame[names]
    if len(frame.columns) != dimension:
        raise UserError(f"{codes} has {len(frame.columns)} columns, but this model's codes have {dimension}.")
    z = _numbers(frame, codes)
    _write(_frame(loaded, np.asarray(loaded.model.decode(z).mean())), output)


@app.command()
def score(
    run: RunPath,
    data: Data,
    output: Output,
    num_samples: Annotated[int, typer.Option("--samples", min=1, help="importance samples for each row")] = 200,
    seed: Seed = 0,
    model: ModelName = None,
):
    """Write log p(x) of each row, in nats and in the data's units, with its standard error.

    Integer columns are scored at one draw of the noise that dequantizes them, which --seed changes.
    """
    import pandas as pd

    rows = _rows(run, data)
    loaded = _load(run, model, output)
    estimate = loaded.model.log_likelihood(_vectors(loaded, rows, seed), num_samples=num_samples, seed=seed)
    jacobian = loaded.preprocessing.log_jacobian if loaded.preprocessing else 0.0
    frame = pd.DataFrame(
        {
            "log_likelihood": estimate.log_likelihood + jacobian,
            "standard_error": estimate.standard_error,
            "effective_sample_size": estimate.effective_sample_size,
        }
    )
    _write(frame, output)
    typer.echo(f"mean log p(x): {frame['log_likelihood'].mean():.4f} nats over {len(frame)} rows")


@app.command()
def report(run: RunPath):
    """Rebuild report.html of a run."""
    from tfvae.report import write_report
    from tfvae.runs import RunDirectory

    typer.echo(f"Report: {write_report(RunDirectory.open(run))}")


def main():
    """The console script: every error is one sentence on standard error, with exit status 2."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # of TensorFlow itself: errors in our words are enough
    debug = "--debug" in sys.argv
    try:
        status = app(standalone_mode=False)
    except (KeyboardInterrupt, EOFError):
        sys.exit(130)
    except Exception as error:
        if debug:
            traceback.print_exc()
        elif isinstance(error, TyperException):
            sys.stderr.write(f"tfvae: {_sentence(error)} (tfvae --help)\n")
        elif isinstance(error, UserError):
            sys.stderr.write(f"tfvae: {error}\n")
        else:
            line = (str(error).strip().splitlines() or [""])[0]
            sys.stderr.write(f"tfvae: {type(error).__name__}: {line} (`tfvae --debug …` shows where)\n")
        sys.exit(2)
    sys.exit(status if isinstance(status, int) else 0)


def _import_tensorflow():
    """Imports TensorFlow without what its C++ parts say of the machine; if it fails, with."""
    import tempfile

    with tempfile.TemporaryFile() as said:
        stderr = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            import tfvae.models  # noqa: F401
        except BaseException:
            said.seek(0)
            os.write(stderr, said.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _sentence(error):
    return error.format_message() if hasattr(error, "format_message") else str(error)


def _select(frame, columns, exclude, label):
    """The modelled columns, and the label column or None."""
    chosen = [c.strip() for c in columns.split(",") if c.strip()]
    without = [c.strip() for c in exclude.split(",") if c.strip()]
    unknown = [c for c in [*chosen, *without, *([label] if label else [])] if c not in frame]
    if unknown:
        raise UserError(
            f"There is no column {unknown[0]!r}; the columns are {', '.join(map(str, frame.columns[:20]))}."
        )
    labels = frame[label] if label else None
    kept = [c for c in (chosen or frame.columns) if c not in without and c != label]
    if not kept:
        raise UserError("No column is left to model.")
    return frame[kept], labels


def _widths(hidden):
    try:
        widths = [int(w) for w in hidden.split(",") if w.strip()]
    except ValueError:
        widths = []
    if not widths or min(widths) < 1:
        raise UserError(f"--hidden must be widths with commas between, such as 128,128, but is {hidden!r}.")
    return widths


def _rows(run, data):
    """The data's rows, checked before the model is loaded."""
    from tfvae.data.tables import TableCodec, check_values, read_table
    from tfvae.runs import RunDirectory

    config = RunDirectory.open(run).read_json("config.json")
    frame = read_table(data)
    if "table" not in config:
        return check_values(frame)
    codec = TableCodec.from_config(config["table"])
    names = [c.name for c in codec.columns if c.name in frame]
    return check_values(frame[names])


def _load(run, model, output):
    """The loaded run, after the output's name has been checked."""
    if output.suffix not in (".csv", ".parquet", ".npy", ".npz"):
        raise UserError(f"{output} cannot be written: give a name that ends in .csv, .parquet, .npy or .npz.")
    if not output.absolute().parent.is_dir():
        raise UserError(f"{output} cannot be written: there is no folder {output.absolute().parent}.")
    from tfvae.runs import RunDirectory, load_run

    RunDirectory.open(run).model_path(model)
    _import_tensorflow()
    return load_run(run, model)


def _vectors(loaded, frame, seed=0):
    if loaded.preprocessing is not None:
        return loaded.preprocessing.transform(frame, seed)
    dimension = loaded.model.encoder.input_shape[-1]
    if len(frame.columns) != dimension:
        raise UserError(f"The data have {len(frame.columns)} columns, but this model takes {dimension}.")
    return _numbers(frame, "the data")


def _numbers(frame, what):
    import pandas as pd

    for name in frame:
        if not pd.api.types.is_numeric_dtype(frame[name]):
            raise UserError(f"Column {name!r} of {what} must hold numbers, but holds {frame[name].iloc[0]!r}.")
    return frame.to_numpy("float32")


def _frame(loaded, vectors):
    import pandas as pd

    if loaded.preprocessing is not None:
        return loaded.preprocessing.inverse(vectors)
    return pd.DataFrame(vectors, columns=[f"x{d}" for d in range(vectors.shape[1])])


def _write(frame, output):
    from tfvae.data.tables import write_table

    write_table(frame, output)
    typer.echo(f"{len(frame)} rows written to {output}")
