"""A mixture of Gaussians as prior, judged by eye in document 004, and the questions that it leaves open."""
