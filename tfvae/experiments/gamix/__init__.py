"""GAMIX-VAE, and what it is measured against."""
