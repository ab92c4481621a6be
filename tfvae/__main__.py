"""`python -m tfvae`, as the command."""

from tfvae.cli import main

main()
