"""The latent explorer as a widget of a notebook, which decodes as one moves."""

import html
from typing import Any

import numpy as np

from tfvae.explorer.decoded import as_images, as_pixels, as_texts, png
from tfvae.explorer.latent_map import latent_map
from tfvae.host.requirements import require

_SLIDERS = 8
_SHADES = 60  # of the density, in each direction


class LatentWidget:
    """A map of the latent space and a slider for each dimension that is used most; a click or a slider decodes a code.

    Needs the extra `explore`. Unlike the page of `write_page` it decodes any code, and its sliders move together.

    Args:
        run: a `Run` of a table, of images or of points.
        data, label, seed: see `latent_map`.

    Attributes:
        code: `(D,)`, the code that is shown.
        box: the `ipywidgets.HBox` that a notebook displays.

    Raises:
        UserError: where plotly or ipywidgets are missing, or the run has no map: see `latent_map`.
    """

    def __init__(self, run: Any, data: Any = None, label: str = "", seed: int = 0):
        graphs = require("plotly.graph_objects", "explore")
        widgets = require("ipywidgets", "explore")
        require("anywidget", "explore")  # which plotly's widget stands on
        self._run, self._map = run, latent_map(run, data, label, _SHADES, seed)
        self.code = self._map.origin.astype("float32")
        self._figure = graphs.FigureWidget(_traces(graphs, self._map))
        self._figure.update_layout(
            width=560, height=480, margin={"l": 50, "r": 10, "t": 20, "b": 45}, hovermode="closest",
            xaxis_title=self._map.names[0], yaxis_title=self._map.names[1],
        )  # fmt: skip
        for trace in self._figure.data[:-1]:
            trace.on_click(self._clicked)
        spread = float(np.ptp(self._map.points, axis=0).max() / 2)
        used = list(self._map.lines or range(len(self.code)))[:_SLIDERS]
        self._sliders = {
            d: widgets.FloatSlider(self.code[d], min=self.code[d] - spread, max=self.code[d] + spread, step=0.01,
                                   description=f"z{d}")
            for d in used
        }  # fmt: skip
        for slider in self._sliders.values():
            slider.observe(self._slid, "value")
        self._shown, self._following = widgets.HTML(), False
        self.box = widgets.HBox([self._figure, widgets.VBox([self._shown, *self._sliders.values()])])
        self._show()

    def move_to(self, a: float, b: float = 0.0) -> None:
        """Shows the code at a place of the map."""
        self.code = self._map.codes(np.array([[a, b]]))[0]
        self._following = True  # the sliders do not answer
        for d, slider in self._sliders.items():
            slider.value = float(np.clip(self.code[d], slider.min, slider.max))
        self._following = False
        self._show()

    def _repr_mimebundle_(self, **kwargs):
        return self.box._repr_mimebundle_(**kwargs)

    def _clicked(self, trace, points, state):
        if points.xs:
            self.move_to(points.xs[0], points.ys[0])

    def _slid(self, change):
        if not self._following:
            for d, slider in self._sliders.items():
                self.code[d] = slider.value
            self._show()

    def _show(self):
        self._shown.value = _as_html(self._run, self.code)
        place = self._map.place(self.code)
        here = self._figure.data[-1]
        here.x, here.y = [[float(value)] for value in place]


def _traces(graphs, drawn):
    traces = [
        graphs.Heatmap(x=drawn.ticks[0], y=drawn.ticks[1], z=drawn.shades,
                       colorscale=[[0, "#ffffff"], [1, "#8fb3c4"]], colorbar={"title": "log p(z)"}, name="prior"),
    ]  # fmt: skip
    labels = np.full(len(drawn.points), drawn.about) if drawn.labels is None else drawn.labels
    for name in dict.fromkeys(labels.tolist()):
        x, y = drawn.points[labels == name].T
        traces.append(graphs.Scatter(x=x, y=y, mode="markers", name=name, marker={"size": 4, "opacity": 0.6}))
    if len(drawn.components):
        x, y = drawn.components.T
        marker = {"symbol": "cross-thin", "size": 4 + 10 * drawn.weights / drawn.weights.max(),
                  "line": {"width": 2, "color": "#c0392b"}}  # fmt: skip
        traces.append(graphs.Scatter(x=x, y=y, mode="markers", name="components of the prior", marker=marker))
    marker = {"symbol": "circle-open", "size": 14, "line": {"width": 3, "color": "#0b6e99"}}
    return [*traces, graphs.Scatter(x=[0.0], y=[0.0], mode="markers", name="here", marker=marker)]


def _as_html(run, code):
    """The decoder mean of one code."""
    rows = run.decode(code[None])
    images = as_images(run.codec, rows)
    if images is not None:
        image = png(as_pixels(images)[0])
        return f'<img width="240" style="image-rendering: pixelated" src="data:image/png;base64,{image}">'
    cells = zip(rows.columns, as_texts(rows)[0], strict=True)
    return (
        "<table>"
        + "".join(f"<tr><th>{html.escape(str(n))}</th><td>{html.escape(v)}</td></tr>" for n, v in cells)
        + "</table>"
    )
