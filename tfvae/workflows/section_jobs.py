"""Sections fitted in parallel through joblib: a kill or an error costs one section."""

import contextlib

import joblib

from tfvae.codecs.haplotype_codec import SECTIONS
from tfvae.host.errors import UserError
from tfvae.host.requirements import require
from tfvae.runs.directory import METRICS, RunDirectory

BACKENDS = ("loky", "sequential", "dask", "ray")


def check_backend(backend, scheduler):
    """UserError for an engine that is none, or a scheduler of another one."""
    if backend not in BACKENDS:
        raise UserError(f"`backend` must be one of {', '.join(BACKENDS)}, but is {backend!r}.")
    if scheduler and backend != "dask":
        raise UserError('`scheduler` is of `backend="dask"`.')


def run_sections(run, names, *, jobs=None, backend="loky", scheduler=None, report=lambda row: None):
    """Fits the named sections of a run through joblib.

    Args:
        run: `RunDirectory` with its `plan.json` and store.
        names: sections, in any order.
        jobs: int, at once; None for as many as there are cores. The workers of a Dask scheduler decide for themselves.
        backend: "loky", "sequential", "dask" or "ray".
        scheduler: address of a Dask scheduler; None starts one on this machine.
        report: function of each row as it comes.

    Returns:
        (rows of finished sections in the order of `names`, dict name -> error of failed ones).
    """
    rows, failed = {}, {}
    for name in names:  # what is finished is not sent to a worker
        done = RunDirectory(run.path / SECTIONS / name).read_json(METRICS, default={"section": None})
        if done["section"] is not None:
            rows[name] = done
            report(done)
    waiting = [name for name in names if name not in rows]
    jobs = 1 if backend == "sequential" else max(1, min(jobs or joblib.cpu_count(), len(waiting)))
    threads = 1 if scheduler else max(1, joblib.cpu_count() // jobs)
    work = _work(in_own_process=backend in ("dask", "ray"))
    tasks = [joblib.delayed(work)(str(run.path.absolute()), name, threads) for name in waiting]
    try:
        with _backend(backend, scheduler, jobs):
            as_they_come = "list" if backend == "ray" else "generator_unordered"  # Ray's backend has no generators
            for row in joblib.Parallel(n_jobs=jobs, return_as=as_they_come, batch_size=1)(tasks):
                (failed if "error" in row else rows)[row["section"]] = row.get("error", row)
                report(row)
    except (RuntimeError, OSError) as error:  # joblib's own: a worker that the system has killed takes the others along
        why = f"its worker ended ({type(error).__name__})"
        failed |= {name: why for name in waiting if name not in rows and name not in failed}
    return [rows[name] for name in names if name in rows], failed


def _work(in_own_process):
    """What a worker does with (path, name, threads), as a function that joblib sends by value, because it is made in here.

    Sent by name it would make a new worker import this file, and with it TensorFlow, whose C++ parts speak of the machine.
    """

    def quietly(path, name, threads):
        import os

        stderr = os.dup(2)
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        try:
            from tfvae.workflows.haplotype_sections import fit_section_safely
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
        return fit_section_safely(path, name, threads)

    def apart(path, name, threads):
        """In a new process: a worker's other threads draw from Python's generator, as seeds do."""
        import json
        import subprocess
        import sys

        code = "import sys; from tfvae.workflows.haplotype_sections import main; main(*sys.argv[1:])"
        done = subprocess.run([sys.executable, "-c", code, path, name, str(threads)], capture_output=True, text=True)
        lines = done.stdout.strip().splitlines()
        if done.returncode or not lines:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            return {"section": name, "error": f"its process ended with status {done.returncode}: {last}"}
        return json.loads(lines[-1])

    return apart if in_own_process else quietly


@contextlib.contextmanager
def _backend(name, scheduler, jobs):
    if name == "dask":
        distributed = require("distributed", "dask")
        local = {"n_workers": jobs, "threads_per_worker": 1, "dashboard_address": None}
        with (
            distributed.Client(scheduler) if scheduler else distributed.Client(**local) as client,
            joblib.parallel_config(backend="dask", client=client),
        ):
            yield
        return
    if name == "ray":
        require("ray", "ray")
        from ray.util.joblib import register_ray

        register_ray()
    with joblib.parallel_config(backend=name):
        yield
