"""The graph of a functional model's layers, for drawing."""

from typing import Any

import keras


def layer_graph(model: Any) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """(nodes, edges) of a functional model: name -> "Class\\nshape of its output", and pairs of names.

    Raises:
        ValueError: where the model is not functional, so that its layers have no graph.
    """
    if not getattr(model, "inputs", None):
        raise ValueError(f"The model {model.name!r} is not a functional model: its layers form no graph.")
    maker = {id(t): layer.name for layer in model.layers for t in keras.tree.flatten(layer.output)}
    nodes, edges = {}, []
    for layer in model.layers:
        shape = ", ".join("B" if n is None else str(n) for n in keras.tree.flatten(layer.output)[0].shape)
        nodes[layer.name] = f"{type(layer).__name__}\n({shape})"
        sources = [] if isinstance(layer, keras.layers.InputLayer) else keras.tree.flatten(layer.input)
        edges += [(maker[id(t)], layer.name) for t in sources if id(t) in maker]
    return nodes, edges
