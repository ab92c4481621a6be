"""The command `tfvae`. TensorFlow is imported only where a command needs it, after all that can be checked without."""

from tfvae.cli import fit, run, use  # noqa: F401  (they define the commands)
from tfvae.cli.console import main

__all__ = ["main"]
