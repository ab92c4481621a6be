"""The Poisson VAE, and what it is measured against."""
