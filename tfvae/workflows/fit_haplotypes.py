"""A model for each section of the user's own haplotypes: a kill or an error costs one section."""

import collections
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tfvae import models
from tfvae.codecs.haplotype_codec import JOINT, STORE, split_files
from tfvae.data.haplotypes import HaplotypeStore
from tfvae.data.sections import ByField, make_sections, parse_sections, section_table
from tfvae.data.tables import file_hash, split_rows
from tfvae.data.variants import VariantFile
from tfvae.host.errors import UserError
from tfvae.host.stderr import start_tensorflow
from tfvae.runs.directory import CONFIG, METRICS, RunDirectory
from tfvae.runs.load import Run
from tfvae.runs.report import write_report
from tfvae.workflows.fitting import folder_of, start_run
from tfvae.workflows.haplotype_options import HaplotypeOptions
from tfvae.workflows.section_jobs import check_backend, run_sections


def fit_haplotypes(
    data: str | Path | Sequence[str | Path],
    out: str | Path | None = None,
    options: HaplotypeOptions | None = None,
    *,
    overwrite: bool = False,
    resume: bool = False,
    joint: bool = False,
    jobs: int | None = None,
    backend: str = "loky",
    scheduler: str | None = None,
    checkpoint_seconds: float = 10.0,
    progress: Callable[[int], None] | None = None,
    planned: Callable[[list], None] = lambda sections: None,
    report: Callable[[dict], None] = lambda row: None,
    **changes: Any,
) -> Run:
    """Fits a model to each section of phased haplotypes and writes a run directory with a report.

    Args:
        data: a .vcf, .vcf.gz, .bcf or VCF-Zarr file, or several, or their paths with commas between.
        out: the run directory; None for a new temporary one.
        options: `HaplotypeOptions`; None for its defaults.
        overwrite, resume: replace an earlier run in `out`, or continue an interrupted one.
        joint: bool, fit a density over the sections' codes too, which draws whole haplotypes.
        jobs: sections at once; None for as many as there are cores.
        backend: "loky", "sequential", "dask" or "ray".
        scheduler: address of a Dask scheduler.
        checkpoint_seconds: the least time between two checkpoints.
        progress: function of the number of records read so far.
        planned: function of the sections, before any is fitted.
        report: function of each section's row of measures as it comes; it has "error" where the section failed.
        **changes: of the options or of their recipe, such as `sections="bp:100000"`, `mosaics=0`.

    Returns:
        `Run`, whose `metrics["failed"]` names sections that failed; resuming tries them again.

    Raises:
        UserError: where the files, the options or `out` cannot be used, before any training.
    """
    options = HaplotypeOptions.with_recipe(options, **changes)
    check_backend(backend, scheduler)
    out = folder_of(out)
    RunDirectory.check_free(out, overwrite=overwrite, resume=resume)
    files = split_files(data) if isinstance(data, str | Path) else [str(file) for file in data]
    for path in files:
        VariantFile(path)
    _check_recipe(options.recipe)
    arguments = {"data": ",".join(files), **dataclasses.asdict(options)}
    about = {"sha256": ",".join(file_hash(f) if Path(f).is_file() else "folder" for f in files)}
    config = {"command": "fit", "arguments": arguments, "data": about, "haplotypes": {"irregular": options.irregular}}
    run = start_run(out, config, overwrite=overwrite, resume=resume)
    if not (run.path / "plan.json").exists():
        try:
            _read(run.path / STORE, files, options, progress)
            run.write_json("plan.json", _plan(HaplotypeStore(run.path / STORE), options, checkpoint_seconds))
        except BaseException:
            if not resume:
                run.remove(STORE, CONFIG)
            raise
    start_tensorflow()
    sections = run.read_json("plan.json")["sections"]
    planned(sections)
    names = [section["section"] for section in sections]
    rows, failed = run_sections(run, names, jobs=jobs, backend=backend, scheduler=scheduler, report=report)
    from tfvae.workflows import haplotype_report  # which stands on TensorFlow

    if joint and len(rows) > 1 and not failed:
        haplotype_report.fit_joint(run, [row["section"] for row in rows])
    run.write_json(METRICS, haplotype_report.metrics_of(run, rows, failed, (run.path / JOINT).exists()))
    if rows:
        haplotype_report.draw_run(run, rows)
    write_report(run)
    return Run.open(run.path) if rows else Run.without_model(run.path)


def _check_recipe(recipe):
    """UserError for settings that no model can be made of."""
    start_tensorflow()
    try:
        models.make_haplotype_vae(8, recipe, num_steps=1)
    except (ValueError, TypeError) as error:
        raise UserError(f"`recipe`: {str(error).splitlines()[0]}") from None


def _read(path, files, options, progress):
    """The store of the run, unless it is there."""
    cutter = parse_sections(options.sections)
    if not path.exists():
        HaplotypeStore.create(
            path,
            files,
            samples=_names(options.samples),
            region=options.region or None,
            irregular=options.irregular,
            info=cutter.field if isinstance(cutter, ByField) else None,
            min_count=options.min_count,
            progress=progress,
        )


def _plan(store, options, checkpoint_seconds):
    """What the sections' fits are functions of."""
    people = split_rows(len(store.samples), options.holdout, options.seed)
    cutter = parse_sections(options.sections)
    sections = make_sections(store.sites, cutter, options.min_sites, options.max_sites)
    table = section_table(store.sites, sections)
    return {
        "seed": options.seed,
        "recipe": dataclasses.asdict(options.recipe),
        "min_maf": options.min_maf,
        "num_samples": options.num_samples,
        "checkpoint_seconds": checkpoint_seconds,
        "people": [p.tolist() for p in people],
        "compare": True,
        "labels": _labels(options.labels, store.samples),
        "sections": [{**row, "start": s.start, "stop": s.stop} for row, s in zip(table, sections, strict=True)],
    }


def _names(path):
    """The people in a file, one a line; the first column of a table counts."""
    if not path:
        return None
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    names = [line.split("\t")[0].strip() for line in lines if line.strip()]
    twice = [name for name, count in collections.Counter(names).items() if count > 1]
    if not names or twice:
        raise UserError(f"{path} {f'has {twice[0]} twice' if twice else 'has no names'}: give a name a line.")
    return names


def _labels(path, samples):
    """Each person's label from a table whose columns are the person and the label; None without a file."""
    if not path:
        return None
    rows = [line.split("\t") for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
    if any(len(row) < 2 for row in rows):
        raise UserError(f"{path} must have two columns with a tab between, the person and the label.")
    label = {row[0]: row[1] for row in rows}
    absent = [name for name in samples if name not in label]
    if absent:
        raise UserError(f"{path} has no label for {len(absent)} people, the first is {absent[0]}.")
    return [label[name] for name in samples]
