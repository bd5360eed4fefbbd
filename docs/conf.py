import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the docs of this tree, installed or not

import sklstm

project = "sklstm"
author = "the sklstm developers"
copyright = author
release = version = sklstm.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
html_theme = "alabaster"
html_theme_options = {
    "description": "LSTM networks as scikit-learn estimators",
    "page_width": "68em",
}
html_sidebars = {"**": ["about.html", "localtoc.html", "searchbox.html", "navigation.html"]}

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_typehints = "none"  # the docstrings tell the types
autodoc_member_order = "bysource"
default_role = "literal"
numpydoc_show_class_members = False  # the class template lists them


def skip_scikit_learn(app, what, name, obj, skip, options):
    module = getattr(obj, "__module__", None) or ""
    return True if module.startswith("sklearn.") and name != "fit_transform" else None


def setup(app):
    app.connect("autodoc-skip-member", skip_scikit_learn)
