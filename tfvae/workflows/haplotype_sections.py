"""One section of haplotypes: its data, its model and its measures, a function of the run's plan alone."""

import dataclasses
import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from tfvae import plots
from tfvae.codecs.haplotype_codec import SECTIONS, STORE
from tfvae.data.haplotypes import HaplotypeStore, haplotypes_of, minor_allele_frequency
from tfvae.evaluation.collapse import latent_report
from tfvae.evaluation.genotypes import PrincipalComponents, genotype_report, is_overfitted, modes
from tfvae.evaluation.haplotype_models import BernoulliMixture, ChowLiuTree, IndependentSites, LiStephens
from tfvae.host.errors import UserError
from tfvae.importance import standard_error
from tfvae.models.haplotype_recipes import HaplotypeRecipe
from tfvae.models.haplotype_vae import make_haplotype_vae
from tfvae.models.initialization import StartPrior
from tfvae.priors.by_name import PriorChoice
from tfvae.runs.directory import METRICS, RunDirectory
from tfvae.runs.fit import fit_in_run
from tfvae.workflows.fitting import draw_latent

_START = 0.1  # share of the training after which a mixture prior moves to the encodings
_LS_ROWS = 250  # validation haplotypes that the copying model is fitted on
_MOST_MOSAICS = 100_000
_SCORED_PEOPLE = 1_000  # held-out people that a section is measured on, at most
_LS_STATES = 5_000  # training haplotypes that the copying model copies from, at most


def fit_section_safely(path, name, threads):
    """As `fit_section`; of an error the row says what it was."""
    try:
        return fit_section(path, name, threads)
    except Exception as error:  # whatever it is, the other sections go on
        lines = str(error).strip().splitlines()
        return {"section": name, "error": f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__}


def main(path, name, threads):
    """A process that fits one section and writes its row to standard output."""
    sys.stdout.write("\n" + json.dumps(fit_section_safely(path, name, int(threads))) + "\n")


def fit_section(path, name, threads=None):
    """Trains and measures one section of the run at `path`; returns its row of the table of sections.

    What it does depends on the run's plan and the section alone: not on the order, the worker or the others.
    """
    part = RunDirectory(Path(path) / SECTIONS / name)
    _limit_threads(threads)
    plan = RunDirectory(Path(path)).read_json("plan.json")
    data = SectionData.of(path, plan, name)
    recipe = HaplotypeRecipe(**plan["recipe"])
    vae, history = train_section(part, data, recipe, plan["checkpoint_seconds"])
    decoded = decode_all(vae, data)
    row, arrays = measure_section(vae, data, decoded, plan["num_samples"])
    if plan["compare"]:
        baselines = {b.name: b.fit(data).log_prob(data.held_out) for b in BASELINES}
        for baseline, scores in baselines.items():
            gain = arrays["log_likelihood"] - scores  # paired: on the same haplotypes
            row |= {baseline: float(scores.mean()), f"over_{baseline}": float(gain.mean())}
            row[f"over_{baseline}_standard_error"] = standard_error(gain)
        with part.writing("baselines.npz") as target, open(target, "wb") as opened:
            np.savez(opened, **baselines)
    part.path.mkdir(parents=True, exist_ok=True)
    for file, values in {"sites": data.rows, **arrays}.items():
        with part.writing(f"{file}.npy") as target, open(target, "wb") as opened:
            np.save(opened, values)
    _draw(part, vae, data, decoded, arrays["points"], history)
    latent_dim = vae.latent_shape[0]
    section = {"section": name, **data.about, "latent_dim": latent_dim, "epochs": len(history), **row}
    part.write_json(METRICS, section)
    return section


class SectionData:
    """The haplotypes of one section, split by person: `train`, `validation` and `held_out`, float32 `(n, V)`.

    Attributes:
        rows: positions of the V sites in the run's store: those whose minor allele is frequent enough among training and
            validation people.
        positions: `(V,)`, base pairs.
        seed: of this section: a function of the run's seed and the section's name.
    """

    def __init__(self, haplotypes, first_row, people, min_maf, seed, about, labels=None):
        scored = people[2][:: -(-len(people[2]) // _SCORED_PEOPLE)]  # the same people in every section
        train, validation, held_out = (haplotypes_of(np.asarray(p, int)) for p in (*people[:2], scored))
        frequency = minor_allele_frequency(haplotypes.alleles[np.concatenate([train, validation])])
        kept = np.flatnonzero((frequency >= min_maf) & (frequency > 0))
        if len(kept) < 2:
            raise UserError(
                f"Section {about['section']} has {len(kept)} sites whose minor allele is as frequent as {min_maf:g} among "
                "the training people: give a smaller `min_maf` or longer sections."
            )
        self.rows = first_row + kept
        self.positions = haplotypes.sites["position"].to_numpy()[kept]
        alleles = haplotypes.alleles[:, kept]
        self.train, self.validation, self.held_out = (
            alleles[r].astype("float32") for r in (train, validation, held_out)
        )
        self.seed, self.labels = seed, None if labels is None else [labels[p] for p in scored for _ in range(2)]
        self.about = {k: v for k, v in about.items() if k != "section"} | {"modelled": len(kept)}

    @classmethod
    def of(cls, path, plan, name):
        section = next(s for s in plan["sections"] if s["section"] == name)
        rows = slice(section["start"], section["stop"])
        haplotypes = HaplotypeStore(Path(path) / plan.get("store", STORE)).read(rows)
        seed = np.random.SeedSequence([plan["seed"], int(name)]).generate_state(1)[0] % 2**31
        about = {k: v for k, v in section.items() if k not in ("start", "stop")}
        return cls(haplotypes, rows.start, plan["people"], plan["min_maf"], int(seed), about, plan["labels"])

    @property
    def fitted(self):
        """The haplotypes of all people but the held-out ones."""
        return np.concatenate([self.train, self.validation])

    @functools.cached_property
    def copying_model(self):
        """Li and Stephens' model of the training haplotypes, its two rates chosen on validation haplotypes."""
        some = self.validation[:: max(1, len(self.validation) // _LS_ROWS)]
        return LiStephens.fit(self.states(self.train), some, self.positions)

    def states(self, x):
        """The haplotypes that a copying model of x copies from: all, or as many as are affordable."""
        return x[:: -(-len(x) // _LS_STATES)]


def train_section(part, data, recipe, checkpoint_seconds=10.0):
    """(trained `VAE`, history) of a section, in the run directory `part`."""
    fitted = data.fitted if recipe.all_people else data.train
    x = fitted
    if recipe.mosaics:
        count = min(recipe.mosaics * len(x), max(_MOST_MOSAICS, len(x)))
        copying = LiStephens(data.states(fitted), data.positions, data.copying_model.rho, data.copying_model.theta)
        x = copying.sample(count, data.seed).astype("float32")
    epochs, steps, patience = recipe.epochs_and_steps(len(x))
    make_prior = _affordable(recipe.prior, len(fitted)).maker(fitted, data.seed)
    callbacks, validation = [], None
    if not recipe.all_people:
        validation = data.validation
        callbacks = [keras.callbacks.EarlyStopping("val_loss", patience=patience, restore_best_weights=True)]
    if recipe.prior.startswith("mixture"):
        callbacks.append(StartPrior(fitted, max(1, round(_START * epochs)), data.seed))
    return fit_in_run(
        part, lambda: make_haplotype_vae(x.shape[1], recipe, make_prior=make_prior, num_steps=steps), x, seed=data.seed,
        epochs=epochs, batch_size=recipe.batch_size, validation_data=validation, callbacks=callbacks, verbose=0,
        checkpoint_seconds=checkpoint_seconds,
    )  # fmt: skip


def _affordable(prior, num_rows):
    """The `PriorChoice` of that name, a mixture with at most a component for four haplotypes."""
    choice = PriorChoice.parse(prior)
    return choice.at_most(max(1, num_rows // 4)) if choice.prior.name in ("mixture", "vamp") else choice


def measure_section(vae, data, decoded, num_samples):
    """(flat measures, arrays to keep) of a section's model: likelihoods of held-out haplotypes, and what it draws."""
    estimate = vae.log_likelihood(data.held_out, num_samples, data.seed)
    report = genotype_report(data.train, data.held_out, decoded["prior_draws"], data.seed)
    reference = genotype_report(data.train, data.held_out, data.validation, data.seed)
    row = {
        "held_out_log_likelihood": estimate.mean,
        "standard_error": estimate.mean_standard_error,
        "doubling_gain": float(np.nanmean(estimate.doubling_gain)),
        "validation_log_likelihood": vae.log_likelihood(data.validation, num_samples, data.seed).mean,
        "active_units": latent_report(vae, data.held_out, data.seed).active_units,
        **report,
        "overfitted": is_overfitted(report, reference),
        **{f"real_{k}": v for k, v in reference.items()},
    }
    for what, x in decoded.items():
        row |= {f"{what}_{k}": v for k, v in modes(data.train, data.held_out, x).items() if k != "modes"}
    q, components = vae.encode(data.train).distribution, PrincipalComponents(data.train)
    return row, {
        "points": np.stack([components(x) for x in (data.held_out, *decoded.values())]).astype("float32"),
        "log_likelihood": estimate.log_likelihood,
        "codes": np.stack([q.mean().numpy(), q.stddev().numpy()]),
    }


@dataclasses.dataclass(frozen=True)
class Baseline:
    """A model of haplotypes without a latent space, fitted to all people of a section but the held-out ones."""

    name: str
    title: str
    fit: Callable  # `SectionData` -> a model with `log_prob`


def _bernoulli_mixture(components):
    return lambda data: BernoulliMixture(data.fitted, min(components, len(data.fitted) // 4))


def _li_stephens(data):
    rates = data.copying_model
    return LiStephens(data.states(data.fitted), data.positions, rates.rho, rates.theta)


BASELINES = (
    Baseline("independent_sites", "independent sites", lambda data: IndependentSites(data.fitted)),
    Baseline("chow_liu_tree", "Chow-Liu tree", lambda data: ChowLiuTree(data.fitted)),
    Baseline("bernoulli_mixture_32", "Bernoulli mixture of 32", _bernoulli_mixture(32)),
    Baseline("bernoulli_mixture_128", "Bernoulli mixture of 128", _bernoulli_mixture(128)),
    Baseline("li_stephens", "Li and Stephens", _li_stephens),
)


DECODED = ("reconstruction_means", "reconstruction_draws", "prior_means", "prior_draws")


def decode_all(vae, data):
    """Decoded haplotypes as means and as draws: reconstructions of held-out haplotypes, and prior samples."""
    n, seed = len(data.held_out), data.seed
    reconstructions = vae.reconstruct(data.held_out, seed, mean=True), vae.reconstruct(data.held_out, seed)
    samples = vae.sample(n, seed, mean=True), vae.sample(n, seed)
    return dict(zip(DECODED, (*reconstructions, *samples), strict=True))


def _draw(part, vae, data, decoded, points, history):
    part.save_figure("1-loss", plots.loss_curves({"model": history}, title="Training; validation dashed"))
    panels = {what.replace("_", ": "): p for what, p in zip(decoded, points[1:], strict=True)}
    title = "Held-out haplotypes grey, decoded ones red; components of the training haplotypes"
    part.save_figure("2-components", plots.overlay_panels(panels, points[0], title))
    real, generated = (x.mean(axis=0) for x in (data.held_out, decoded["prior_draws"]))
    part.save_figure("3-frequencies", plots.frequency_scatter(real, generated, "ALT frequency of each site"))
    draw_latent(part, "4-latent", vae.encode(data.held_out).mean().numpy(), data.labels, "held-out haplotypes")


def _limit_threads(threads):
    """Before TensorFlow has started; a worker that has kept it running from another section is as it was."""
    import tensorflow as tf

    if threads:
        try:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        except RuntimeError:
            return
