"""`tfvae sample`, `encode`, `decode` and `score`: what a finished run is for."""

import math
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

import tfvae
from tfvae import explorer
from tfvae.cli.app import Data, ModelName, Output, RunPath, Seed, app, names_in
from tfvae.codecs.codec import VectorCodec
from tfvae.host.errors import UserError
from tfvae.models.image_models import pixel_levels
from tfvae.runs.load import load_run

_GAP = 0.005  # nats, of the mean, worth saying
_TABLE = VectorCodec()  # how codes and scores are written, whatever the data are


@app.command()
def sample(
    run: RunPath,
    output: Output,
    n: Annotated[int | None, typer.Option("-n", min=1, help="number of draws; 1000 by default")] = None,
    mean: Annotated[bool, typer.Option("--mean", help="decoder means instead of draws")] = False,
    where: Annotated[
        list[str] | None,
        typer.Option(help="column=value, or column=low..high with either bound left out; again for more"),
    ] = None,
    given: Annotated[
        str | None, typer.Option(help="a table of some columns: one row is drawn for each of its rows, given these")
    ] = None,
    seed: Seed = 0,
    model: ModelName = None,
):
    """Draw rows or images from a trained model, in the data's units."""
    loaded = load_run(run, model)
    loaded.codec.check_path(output)
    if mean and loaded.codec.takes_draws(output):
        raise UserError(f"{output} holds draws and no means: leave out --mean, or write .npy, .npz, .csv or .parquet.")
    if given and n is not None:
        raise UserError("--given has as many draws as rows: leave out -n.")
    _write(loaded.codec, loaded.sample(n or 1000, seed, mean, _conditions(where or []), given), output)


@app.command()
def impute(
    run: RunPath,
    data: Data,
    output: Output,
    num_samples: Annotated[int, typer.Option("--samples", min=1, help="importance samples for each row")] = 200,
    seed: Seed = 0,
):
    """Write a table with draws of p(missing | known) in the place of its missing values."""
    loaded = load_run(run)
    loaded.codec.check_path(output)
    _write(loaded.codec, loaded.impute(data, num_samples, seed), output)


@app.command()
def encode(run: RunPath, data: Data, output: Output, model: ModelName = None):
    """Write the means and standard deviations of q(z|x) for each row or image."""
    loaded = load_run(run, model)
    _TABLE.check_path(output)
    _write(_TABLE, loaded.encode(data), output)


@app.command()
def decode(run: RunPath, codes: Data, output: Output, seed: Seed = 0, model: ModelName = None):
    """Write the means of p(x|z) for codes z: columns z0_mean, z1_mean, … as `encode` writes them, or an array (n, D).

    Into a VCF, which holds alleles and no means, go draws.
    """
    loaded = load_run(run, model)
    loaded.codec.check_path(output)
    drawn = loaded.codec.takes_draws(output)
    _write(loaded.codec, loaded.decode(codes, seed if drawn else None), output)


@app.command()
def score(
    context: typer.Context,
    run: RunPath,
    data: Data,
    output: Output,
    num_samples: Annotated[
        int, typer.Option("--samples", min=1, help="importance samples for each row, or annealing's intermediate steps")
    ] = 200,
    method: Annotated[str, typer.Option(help="iwae, importance sampling, or ais, annealed: slower, tighter")] = "iwae",
    num_chains: Annotated[int, typer.Option("--chains", min=1, help="of annealing, for each row")] = 16,
    step_size: Annotated[float, typer.Option(help="of annealing's Hamiltonian steps, at the start")] = 0.05,
    given: Annotated[
        str, typer.Option(help="columns of a table, with commas between: log p(others | these) instead of log p(row)")
    ] = "",
    seed: Seed = 0,
    model: ModelName = None,
):
    """Write log p(x) of each row or image, in nats and in the data's units, with its standard error.

    Integer columns are scored at one draw of the noise that dequantizes them, which --seed changes.
    """
    if method not in ("iwae", "ais"):
        raise UserError(f"--method must be iwae or ais, but is {method!r}.")
    if not step_size > 0:
        raise UserError(f"`step_size` must be above 0, but is {step_size}.")
    for name in ("num_chains", "step_size"):
        if method != "ais" and context.get_parameter_source(name).name == "COMMANDLINE":
            raise UserError("--chains and --step-size are of annealing: give --method ais too.")
    loaded = load_run(run, model)
    _TABLE.check_path(output)
    annealed = method == "ais"
    how = {"annealed": annealed, "num_chains": num_chains, "step_size": step_size, "given": names_in(given)}
    table, estimate = loaded.score_and_estimate(data, num_samples, seed, **how)
    # Arrays hold numbers alone: what is said of a row in words stays out of them.
    _write(_TABLE, table if output.suffix not in (".npy", ".npz") else table.select_dtypes("number"), output)
    if estimate is None:
        typer.echo(f"no row has a density: {table['reason'].iloc[0]}")
        return
    discrete = loaded.codec.kind == "images" and pixel_levels(loaded.vae) is not None
    density = f"log p(others | {given})" if given else "log p(x)"
    typer.echo(_in_words(estimate, density, loaded.codec, discrete, annealed))
    without = int(np.isneginf(table["log_likelihood"]).sum())
    if without:
        first = table.loc[np.isneginf(table["log_likelihood"]), "reason"].iloc[0]
        typer.echo(
            f"{without} of {len(table)} rows have the probability 0, and are not in this mean: {first}, for instance"
        )


@app.command()
def explore(
    run: RunPath,
    data: Annotated[
        str | None, typer.Option(help="rows whose codes are shown; draws from the model by default")
    ] = None,
    label: Annotated[str, typer.Option(help="a column of --data that colours the points")] = "",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="RUN/explorer.html by default")] = None,
    seed: Seed = 0,
    model: ModelName = None,
):
    """Write a page that shows the latent space and decodes it where you point; it opens in any browser."""
    loaded = load_run(run, model)
    typer.echo(f"Explorer: {explorer.write_page(loaded, output, data, label, seed)}")


def _conditions(texts):
    """{"age": ("30", "40"), "plan": "pro"} of ["age=30..40", "plan=pro"]."""
    found = {}
    for text in texts:
        name, equals, wanted = text.partition("=")
        if not equals or not wanted.strip():
            raise UserError(f"--where must be column=value or column=low..high, but is {text!r}.")
        low, dots, high = wanted.partition("..")
        found[name.strip()] = (low.strip() or None, high.strip() or None) if dots else wanted.strip()
    return found


def _in_words(estimate, density, codec, discrete, annealed):
    """The mean of this density, in nats, and what there is to say of its error and of other units."""
    mean, n = float(np.mean(estimate.log_likelihood)), len(estimate.log_likelihood)
    words = f"mean {density}: {mean:.4f} nats over {n} rows"
    if discrete:
        bits = tfvae.importance.bits_per_dimension(mean, math.prod(codec.shape))
        words += f"; {bits:.4f} bits per dimension; perplexity per pixel {2**bits:.4f}"
    enough = tfvae.importance.FEW_DRAWS
    few = int(np.sum(estimate.effective_sample_size < enough))
    if few and not annealed:
        words += f"; {few} of {n} rows rest on fewer than {enough} effective draws, so that they are too low and their "
        words += "standard errors too small (infinite where on one): give more --samples"
    gap = 0.0 if annealed else float(np.mean(estimate.prior_gap))
    if gap > _GAP:
        words += f"; the prior's components that are left out add at most {gap:.4f}"
    if annealed:
        return f"{words}; HMC accepted {estimate.acceptance.mean():.0%}"
    gain = estimate.doubling_gain.mean()
    return f"{words}; doubling the draws to this number gained {gain:.4f}" if math.isfinite(gain) else words


def _write(writer, rows, output):
    writer.write(rows, Path(output))
    typer.echo(f"{len(rows)} rows written to {output}")
