"""The documentation site: `make docs`."""

import os
import shutil
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import gallery  # noqa: E402  (beside this file)
import reference  # noqa: E402
import tables  # noqa: E402

import tfvae  # noqa: E402

project = "tfvae"
author = "the tfvae authors"
release = tfvae.__version__
html_title = f"tfvae {release}"
html_theme = "furo"
html_static_path = []
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax", "sphinx_copybutton"]
exclude_patterns = ["_build", "**/.ipynb_checkpoints"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # the recorded results are those of the preset "paper"
default_role = "code"  # of docstrings, where `x` is code
autodoc_inherit_docstrings = False
autodoc_typehints = "none"  # they stand in the signature
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_use_rtype = False
suppress_warnings = ["mystnb.unknown_mime_type"]


def setup(app):
    shutil.copytree(HERE.parent / "notebooks", HERE / "notebooks", dirs_exist_ok=True)
    reference.write_pages(HERE / "api")
    gallery.write_pictures(HERE)
    app.connect("autodoc-process-docstring", reference.as_rst)
    stale = [page.name for page in tables.pages() if page.read_text() != tables.page_with_tables(page.read_text())]
    if stale:
        raise SystemExit(f"The tables of {', '.join(stale)} are not those of the metrics: run python docs/tables.py")
