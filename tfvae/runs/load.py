"""A finished run, loaded for use in the data's own units."""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tfvae import evaluation
from tfvae.codecs.codec import VectorCodec
from tfvae.codecs.haplotype_codec import JOINT, SECTIONS, finished_sections
from tfvae.codecs.of_run import codec_of
from tfvae.data.tables import check_values, read_table
from tfvae.host.errors import UserError
from tfvae.host.stderr import import_quietly, start_tensorflow
from tfvae.runs.conditional import density_given, draws_given, draws_where, imputed
from tfvae.runs.directory import METRICS, RunDirectory
from tfvae.runs.report import write_report

_TO_CHOOSE_FROM = 200  # draws of q(z|x), of which one is that of p(z|x)


def load_model(path: str | Path) -> Any:
    """A saved tfvae model; raises UserError where the file is not one."""
    start_tensorflow()
    keras, fast_fit = import_quietly("keras"), import_quietly("tfvae.training.fast_fit")
    try:
        model = keras.models.load_model(path)
    except (ValueError, TypeError, OSError, KeyError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"{path} is not a model that tfvae can load: {reason[:300]}") from error
    if not isinstance(model, fast_fit.FastFit):
        raise UserError(f"{path} is not a model that tfvae can load: it holds a {type(model).__name__}, not a VAE.")
    return model


def load_run(path: str | Path, model: str | None = None) -> "Run":
    """The run in the directory `path`: see `Run`.

    Args:
        path: a run directory.
        model: name of the model, in a run that has several; a run of sections is one `SectionedVAE` without a name.
    """
    return Run.open(path, model)


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished run: it samples, encodes, decodes and scores in the data's own units.

    Config and codec are read once, when it is opened; the model is loaded when it is first needed.

    Attributes:
        directory: `RunDirectory`.
        config: dict, what the run was told.
        codec: `Codec`, the two ways between the data's rows and the model's vectors; None where no model is finished.
        name: of the model, in a run that has several.
    """

    directory: RunDirectory
    config: dict
    codec: Any
    name: str | None = None

    @classmethod
    def open(cls, path: str | Path, model: str | None = None) -> "Run":
        """The run at `path`, with its model of that name; UserError where there is none."""
        directory = RunDirectory.open(path)
        config = directory.config()
        if model is not None:
            directory.model_path(model)
        return cls(directory, config, codec_of(config, directory.path, model), model)

    @classmethod
    def without_model(cls, path: str | Path) -> "Run":
        """A run whose every fit has failed: its metrics and its report."""
        directory = RunDirectory.open(path)
        return cls(directory, directory.config(), None)

    @functools.cached_property
    def model(self) -> Any:
        """The Keras model as it was saved; of a run of sections the `SectionedVAE`."""
        if self.codec is not None and self.codec.kind == "haplotypes" and self.name is None:
            return _sections_of(self.directory, self.codec)
        return load_model(self.directory.model_path(self.name))

    @functools.cached_property
    def vae(self) -> Any:
        """The model as a `VAE`, also where it is one of `make_vae`."""
        model = self.model
        layered = import_quietly("tfvae.models.layered")
        return layered.as_vae(model) if hasattr(model, "get_layer") and not hasattr(model, "prior") else model

    @property
    def metrics(self) -> dict:
        """What was measured, as `metrics.json` holds it."""
        return self.directory.read_json(METRICS, default={})

    @property
    def history(self) -> pd.DataFrame:
        """The logs of each epoch, of a run with one model."""
        return pd.read_csv(self.directory.path / "history.csv")

    def sample(
        self, n: int = 1000, seed: int = 0, mean: bool = False, where: dict | None = None, given: Any = None
    ) -> Any:
        """n draws from p(x), or decoder means: rows as the data has them, a DataFrame for a table.

        Args:
            n, seed, mean: how many, of what, and which.
            where: for tables, what draws must be: {column: a value, or (low, high) with None for no bound}. Draws that are
                not are thrown away, so that those left are independent draws of the conditional distribution.
            given: for tables, rows of some of the columns (or the path of a file of them): one row is drawn for each, given
                what is there of it, by importance resampling among 200 draws of q(z|x); n does not count.

        Raises:
            UserError: where so few draws are as `where` says that n would take too long.
        """
        if not where and given is None:
            return self.rows_of(self.vae.sample(n, seed=seed, mean=mean))
        if mean or (where and given is not None):
            raise UserError(
                "Give one of `where`, `given` and `mean`: conditions are for draws, and of one kind at a time."
            )
        return draws_where(self, n, seed, where) if where else draws_given(self, given, _TO_CHOOSE_FROM, seed)

    def impute(self, data: Any, num_samples: int = _TO_CHOOSE_FROM, seed: int = 0) -> pd.DataFrame:
        """The rows of a table with a draw from p(missing | known) in the place of each missing value.

        Args:
            data: rows as the run was fitted to, or the path of a file of them.
            num_samples: draws of q(z|x) for each row, of which one is chosen by its importance weight.
            seed: of all draws; other seeds give other draws, as multiple imputation wants them.
        """
        return imputed(self, data, num_samples, seed)

    def encode(self, data: Any) -> pd.DataFrame:
        """The means and standard deviations of q(z|x) of each row: columns z0_mean, z0_sd, …

        Args:
            data: rows as the run was fitted to, or the path of a file of them.
        """
        vectors = self._vectors(data)
        q = [self.vae.encode(some).distribution for some in self._pieces(vectors, "encoder")]
        parts = {
            name: np.concatenate([getattr(d, of)() for d in q]) for name, of in (("mean", "mean"), ("sd", "stddev"))
        }
        return pd.DataFrame({f"z{d}_{k}": v[:, d] for k, v in parts.items() for d in range(v.shape[1])})

    def decode(self, codes: Any, seed: int | None = None) -> Any:
        """The means of p(x|z) for codes z, as rows; or draws from it, where a `seed` is given.

        Args:
            codes: a table with columns z0_mean, z1_mean, … as `encode` gives them, an array `(n, D)`, or the path of either.
            seed: int or None.
        """
        frame = read_table(codes) if isinstance(codes, str | Path) else pd.DataFrame(codes).rename(columns=str)
        frame, dimension = check_values(frame), self.vae.latent_shape[0]
        names = [f"z{d}_mean" for d in range(dimension)]
        frame = frame[names] if all(name in frame for name in names) else frame
        if len(frame.columns) != dimension:
            raise UserError(f"The codes have {len(frame.columns)} columns, but this model's have {dimension}.")
        z = VectorCodec().check(frame).to_numpy("float32")
        rows = []
        for k, some in enumerate(self._pieces(z, "decoder")):
            p = self.vae.decode(some)
            rows.append(np.asarray(p.mean() if seed is None else p.sample(seed=seed + k)))
        return self.rows_of(np.concatenate(rows))

    def estimate(
        self,
        data: Any,
        num_samples: int = 200,
        seed: int = 0,
        *,
        annealed: bool = False,
        num_chains: int = 16,
        step_size: float = 0.05,
        given: Sequence[str] = (),
    ) -> Any:
        """log p(x) of each row in nats and in the data's units, with what is known of its error.

        Args:
            data: rows as the run was fitted to, or the path of a file of them.
            num_samples: importance samples of each row, or annealing's intermediate distributions.
            seed: of the draws, and of the noise that dequantizes integers.
            annealed: bool, by annealed importance sampling: slower, and a tighter bound.
            num_chains, step_size: of annealing, see `tfvae.evaluation.annealed_log_likelihood`.
            given: names of columns of a table, whose log density is subtracted: the rest is log p(others | given).

        Returns:
            A `LikelihoodEstimate`, or an `AnnealedEstimate`.
        """
        if annealed and self.codec.kind == "haplotypes":
            raise UserError("Haplotypes are scored by importance sampling alone: give more `num_samples` instead.")

        def importance_sampled(vectors):
            estimate = self.vae.log_likelihood(vectors, num_samples=num_samples, seed=seed)
            return estimate._replace(log_likelihood=estimate.log_likelihood + self._log_jacobian(vectors))

        if given:
            if annealed:
                raise UserError("`given` is for importance sampling: leave out annealing.")
            return density_given(self, self.codec.rows(data), given, importance_sampled, seed)
        vectors = self._vectors(data, seed)
        if not annealed:
            return importance_sampled(vectors)
        estimate = evaluation.annealed_log_likelihood(
            self.vae, vectors, num_samples, num_chains, step_size=step_size, seed=seed
        )
        return estimate._replace(log_likelihood=estimate.log_likelihood + self._log_jacobian(vectors))

    def score(self, data: Any, num_samples: int = 200, seed: int = 0, **how: Any) -> pd.DataFrame:
        """log p(x) of each row, and what is known of it, as a table.

        A row that the model gives the probability 0, such as one with a category that it has never seen, has −inf and the
        reason; a value that is missing, where the training data had none, is integrated over, and the reason says so.

        Args:
            data, num_samples, seed, how: as for `estimate`.

        Returns:
            A `pandas.DataFrame` with the columns row (from 1), log_likelihood, standard_error, effective_sample_size; for
            tables also the columns of identifiers, percentile (of the row's density among the training rows) and reason.
        """
        return self.score_and_estimate(data, num_samples, seed, **how)[0]

    def score_and_estimate(self, data: Any, num_samples: int = 200, seed: int = 0, **how: Any) -> tuple[Any, Any]:
        """(the table of `score`, the `estimate` of the rows that have a density; None where none has)."""
        rows = self.codec.rows(data)
        fitting = self.codec.faults(rows).to_numpy() == ""
        table = pd.DataFrame({"row": np.arange(1, len(fitting) + 1)})
        estimate = None
        if fitting.any():
            estimate = self.estimate(rows if fitting.all() else rows[fitting], num_samples, seed, **how)
            table = table.join(score_table(estimate).set_index(np.flatnonzero(fitting)))
        table.loc[~fitting, "log_likelihood"] = -np.inf
        # The percentile is among densities of whole rows.
        metrics = {} if how.get("given") else self.metrics
        return table.assign(**self.codec.remarks(rows, table["log_likelihood"], metrics)), estimate

    def report(self) -> Path:
        """Writes `report.html` anew and returns its path."""
        return write_report(self.directory)

    def _vectors(self, data, seed=0):
        rows = self.codec.rows(data)
        vectors, shape = self.codec.transform(rows, seed), self.vae.data_shape
        if vectors.shape[1] != np.prod(shape):
            raise UserError(f"The data have {vectors.shape[1]} columns, but this model takes {int(np.prod(shape))}.")
        return vectors.reshape(-1, *shape)

    def _log_jacobian(self, vectors):
        return self.codec.log_jacobian(vectors.reshape(len(vectors), -1))

    def _pieces(self, rows, network):
        """Rows in pieces that this network of the model can take at a time; sections load theirs one by one."""
        networks = [getattr(self.vae, network)] if hasattr(self.vae, network) else []
        return import_quietly("tfvae.host.pieces").in_pieces(rows, *networks)

    def rows_of(self, vectors: np.ndarray) -> Any:
        """Vectors as the model gives them, as rows."""
        return self.codec.inverse(vectors.reshape(len(vectors), -1))


def score_table(estimate: Any) -> pd.DataFrame:
    """An estimate's rows as a table."""
    names = ("log_likelihood", "standard_error", "effective_sample_size")
    return pd.DataFrame({name: getattr(estimate, name) for name in names})


def _sections_of(directory, codec):
    """The finished sections' models as one, each loaded when it is needed."""
    names = finished_sections(directory.path)
    latent_dims = [directory.read_json(f"{SECTIONS}/{name}/{METRICS}")["latent_dim"] for name in names]
    joint = directory.path / JOINT
    loaders = [functools.partial(load_model, directory.model_path(name)) for name in names]
    start_tensorflow()
    sectioned = import_quietly("tfvae.models.sections").SectionedVAE
    return sectioned(loaders, codec.num_sites, latent_dims, load_model(joint) if joint.exists() else None)
