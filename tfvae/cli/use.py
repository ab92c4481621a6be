"""`tfvae sample`, `encode`, `decode` and `score`: what a finished run is for."""

import math
from pathlib import Path
from typing import Annotated

import typer

from tfvae.cli.app import Data, ModelName, Output, RunPath, Seed, app
from tfvae.cli.console import import_tensorflow
from tfvae.data.codec import VectorCodec, codec_of
from tfvae.data.tables import check_values, read_table
from tfvae.errors import UserError
from tfvae.runs import RunDirectory, load_run

_ROWS = 4096  # encoded or decoded at a time
_TABLE = VectorCodec()  # how codes and scores are written, whatever the data are


@app.command()
def sample(
    run: RunPath,
    output: Output,
    n: Annotated[int, typer.Option("-n", min=1, help="number of draws")] = 1000,
    mean: Annotated[bool, typer.Option("--mean", help="decoder means instead of draws")] = False,
    seed: Seed = 0,
    model: ModelName = None,
):
    """Draw rows or images from a trained model, in the data's units."""
    codec = _codec(run, model)
    _check_output(output, codec)
    if mean and codec.takes_draws(output):
        raise UserError(f"{output} holds draws and no means: leave out --mean, or write .npy, .npz, .csv or .parquet.")
    vae = _load(run, model)
    _write(codec, codec.inverse(_flat(vae.sample(n, seed=seed, mean=mean))), output)


@app.command()
def encode(run: RunPath, data: Data, output: Output, model: ModelName = None):
    """Write the means and standard deviations of q(z|x) for each row or image."""
    import numpy as np
    import pandas as pd

    codec = _codec(run, model)
    _check_output(output, _TABLE)
    rows = _read(codec, data)
    vae = _load(run, model)
    vectors = _vectors(codec, rows, vae)
    q = [vae.encode(some).distribution for some in np.array_split(vectors, -(-len(vectors) // _ROWS))]
    parts = {"mean": [d.mean() for d in q], "sd": [d.stddev() for d in q]}
    parts = {name: np.concatenate(values) for name, values in parts.items()}
    frame = pd.DataFrame({f"z{d}_{k}": v[:, d] for k, v in parts.items() for d in range(v.shape[1])})
    _write(_TABLE, frame, output)


@app.command()
def decode(run: RunPath, codes: Data, output: Output, seed: Seed = 0, model: ModelName = None):
    """Write the means of p(x|z) for codes z: columns z0_mean, z1_mean, … as `encode` writes them, or an array (n, D).

    Into a VCF, which holds alleles and no means, go draws.
    """
    import numpy as np

    codec = _codec(run, model)
    _check_output(output, codec)
    frame = check_values(read_table(codes))
    vae = _load(run, model)
    dimension = vae.latent_shape[0]
    names = [f"z{d}_mean" for d in range(dimension)]
    if all(name in frame for name in names):
        frame = frame[names]
    if len(frame.columns) != dimension:
        raise UserError(f"{codes} has {len(frame.columns)} columns, but this model's codes have {dimension}.")
    z = _TABLE.check(frame, codes).to_numpy("float32")
    drawn = codec.takes_draws(output)
    decoded = [vae.decode(some) for some in np.array_split(z, -(-len(z) // _ROWS))]
    rows = [np.asarray(p.sample(seed=seed + k) if drawn else p.mean()) for k, p in enumerate(decoded)]
    _write(codec, codec.inverse(_flat(np.concatenate(rows))), output)


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
    seed: Seed = 0,
    model: ModelName = None,
):
    """Write log p(x) of each row or image, in nats and in the data's units, with its standard error.

    Integer columns are scored at one draw of the noise that dequantizes them, which --seed changes.
    """
    import pandas as pd

    if method not in ("iwae", "ais"):
        raise UserError(f"--method must be iwae or ais, but is {method!r}.")
    if not step_size > 0:
        raise UserError(f"--step-size must be above 0, but is {step_size}.")
    for name in ("num_chains", "step_size"):
        if method != "ais" and context.get_parameter_source(name).name == "COMMANDLINE":
            raise UserError("--chains and --step-size are of annealing: give --method ais too.")
    codec = _codec(run, model)
    if method == "ais" and codec.kind == "haplotypes":
        raise UserError(
            "Haplotypes are scored by importance sampling: leave out --method ais, and give more --samples."
        )
    _check_output(output, _TABLE)
    rows = _read(codec, data)
    vae = _load(run, model)
    vectors = _vectors(codec, rows, vae, seed)
    if method == "iwae":
        estimate = vae.log_likelihood(vectors, num_samples=num_samples, seed=seed)
    else:
        from tfvae.evaluation import annealed_log_likelihood

        estimate = annealed_log_likelihood(vae, vectors, num_samples, num_chains, step_size=step_size, seed=seed)
    frame = pd.DataFrame(
        {
            "log_likelihood": estimate.log_likelihood + codec.log_jacobian,
            "standard_error": estimate.standard_error,
            "effective_sample_size": estimate.effective_sample_size,
        }
    )
    _write(_TABLE, frame, output)
    typer.echo(_in_words(frame["log_likelihood"], codec, estimate, method))


def _in_words(log_likelihood, codec, estimate, method):
    """The mean, in nats, and what there is to say of its error and of other units."""
    mean, n = log_likelihood.mean(), len(log_likelihood)
    words = f"mean log p(x): {mean:.4f} nats over {n} rows"
    if codec.kind == "images" and codec.binary:
        from tfvae.importance import bits_per_dimension

        bits = bits_per_dimension(mean, math.prod(codec.shape))
        words += f"; {bits:.4f} bits per dimension; perplexity per pixel {2**bits:.4f}"
    if method == "ais":
        return f"{words}; HMC accepted {estimate.acceptance.mean():.0%}"
    gain = estimate.doubling_gain.mean()
    return f"{words}; doubling the draws to this number gained {gain:.4f}" if math.isfinite(gain) else words


def _codec(run, model):
    """The run's codec, before the model is loaded."""
    directory = RunDirectory.open(run)
    config = directory.read_json("config.json")
    if model is not None:
        directory.model_path(model)
    return codec_of(config, directory.path, model)


def _check_output(output, writer):
    if not output.name.lower().endswith(writer.suffixes):
        raise UserError(f"{output} cannot be written: give a name that ends in {_either(writer.suffixes)}.")
    if not output.absolute().parent.is_dir():
        raise UserError(f"{output} cannot be written: there is no folder {output.absolute().parent}.")


def _read(codec, data):
    if codec.kind == "images" and Path(data).is_dir():
        from tfvae.data.images import image_files

        image_files(data)
        import_tensorflow()  # which reads a folder's images
    return codec.read(data)


def _load(run, model):
    """The run's model as a `VAE`."""
    RunDirectory.open(run).model_path(model)
    import_tensorflow()
    return load_run(run, model).vae


def _either(words):
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _vectors(codec, rows, vae, seed=0):
    vectors = codec.transform(rows, seed)
    shape = vae.data_shape
    if vectors.shape[1] != math.prod(shape):
        raise UserError(f"The data have {vectors.shape[1]} columns, but this model takes {math.prod(shape)}.")
    return vectors.reshape(-1, *shape)


def _flat(x):
    """Each example as one row, as codecs take them."""
    return x.reshape(len(x), -1)


def _write(writer, rows, output):
    writer.write(rows, output)
    typer.echo(f"{len(rows)} rows written to {output}")
