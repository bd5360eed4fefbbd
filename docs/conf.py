import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))
sys.path.insert(0, str(Path(__file__).parents[1]))  # the docs of this tree, installed or not

from docutils import nodes

import sklstm

project = "sklstm"
author = "the sklstm developers"
copyright = author
release = version = sklstm.__version__

here = Path(__file__).parent

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.viewcode",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "mathml",  # docs/_extensions/mathml.py
]
exclude_patterns = ["_build", "_inventories"]
templates_path = ["_templates"]

# Appearance. Everything that a page loads is a file of the site.
html_theme = "pydata_sphinx_theme"
html_title = "sklstm"
html_static_path = ["_static"]
html_favicon = "_static/favicon.svg"
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False
html_use_index = False  # the API page is one
toc_object_entries_show_parents = "hide"
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system
html_theme_options = {
    "logo": {"text": "sklstm"},
    "search_bar_text": "Search",
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
single_pages = ("index", "quick_start", "architecture", "benchmarks", "changelog")
html_sidebars = {name: [] for name in single_pages}

# Markdown
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# API pages
autosummary_generate = True
autodoc_typehints = "none"  # the docstrings tell the types
autodoc_member_order = "bysource"
python_maximum_signature_line_length = 72  # longer signatures have a line for each parameter
python_trailing_comma_in_multi_line_signatures = False
default_role = "literal"
numpydoc_show_class_members = False  # the class template lists them

# Links into the documentation of other projects: README.md in the folder says how they are made.
intersphinx_mapping = {
    name: (url, str(here / "_inventories" / f"{name}.txt"))
    for name, url in {
        "numpy": "https://numpy.org/doc/stable/",
        "sklearn": "https://scikit-learn.org/stable/",
        "pandas": "https://pandas.pydata.org/docs/",
        "matplotlib": "https://matplotlib.org/stable/",
    }.items()
}

# The button copies commands without their prompts, and there is none on what a program prints.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_selector = "div.highlight:not(.highlight-text *, .highlight-none *) > pre"

# Gallery: scripts whose names begin with plot_ are run, others are shown.
SECTIONS = ("classification", "forecasting", "text", "inspection", "deployment")
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "subsection_order": [f"../examples/{section}" for section in SECTIONS],
    "within_subsection_order": "FileNameSortKey",
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("sklstm",),
    "abort_on_example_error": True,
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_signature": False,
    "write_computation_times": False,
}
warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")
# Keras writes its model files with calls that numpy 2 deprecates: that is for Keras to mend.
warnings.filterwarnings("ignore", message="__array__ implementation doesn't accept a copy keyword")


def skip_member(app, what, name, obj, skip, options):
    """Leave out what scikit-learn documents, and what the section "Attributes" of a class does."""
    module = getattr(obj, "__module__", None) or ""
    of_scikit_learn = module.startswith("sklearn.") and name != "fit_transform"
    of_fit = isinstance(obj, property) and name.endswith("_")
    return True if of_scikit_learn or of_fit else None


def leave_out_signature(app, what, name, obj, options, signature, returns):
    """Show no constructor of a class that users do not make themselves, such as a result."""
    made_by_others = what == "class" and "Parameters\n" not in (obj.__doc__ or "")
    return ("", "") if made_by_others else None


def strip_code(app, doctree):
    """Remove the empty line that ends a block of code, so that it is not shown."""
    for block in doctree.findall(nodes.literal_block):
        if block.rawsource == block.astext():
            block.rawsource = block.rawsource.rstrip()
            block.children[:] = [nodes.Text(block.rawsource)]


def setup(app):
    app.connect("autodoc-skip-member", skip_member)
    app.connect("autodoc-process-signature", leave_out_signature)
    app.connect("doctree-read", strip_code)
