"""A VAE on a two-dimensional Gaussian mixture draws only centroids and the edges between them (document 000)."""
