"""The command `tfvae`: arguments in, a workflow or an experiment called, a sentence out."""

from tfvae.cli import fit, run, simulate, use  # noqa: F401  (they define the commands)
from tfvae.cli.console import main

__all__ = ["main"]
