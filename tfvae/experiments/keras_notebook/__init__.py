"""A `VariationalLayer` that works on MNIST and fails on an S-shaped curve, and the reason why (document 002)."""
