"""Every class that a saved model may hold: importing this module enters them into Keras' registry."""

import importlib
import pkgutil

from tfvae import layers, models, networks, objectives, priors, training

for room in (layers, networks, objectives, priors, training, models):
    for module in pkgutil.iter_modules(room.__path__, f"{room.__name__}."):
        importlib.import_module(module.name)
