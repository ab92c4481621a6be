"""The pictures of the gallery, out of the notebooks that made them."""

import base64
import re

import nbformat


def write_pictures(docs):
    """Each `gallery/NOTEBOOK-K.png` that `gallery.md` shows: the K-th picture of that notebook."""
    wanted = re.findall(r"\(gallery/(\w+)-(\d+)\.png\)", (docs / "gallery.md").read_text())
    (docs / "gallery").mkdir(exist_ok=True)
    for notebook, number in wanted:
        picture = base64.b64decode(_pictures(docs.parent / "notebooks" / f"{notebook}.ipynb")[int(number)])
        path = docs / "gallery" / f"{notebook}-{number}.png"
        if not path.exists() or path.read_bytes() != picture:
            path.write_bytes(picture)


def _pictures(path):
    cells = nbformat.read(path, as_version=4).cells
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", ())]
    return [data["image/png"] for data in outputs if "image/png" in data]
