"""The Epanechnikov VAE, and what it is measured against."""
