"""Write the inventories: `python docs/_inventories/update.py`.

The names are those that the examples use and that the docstrings refer to.
"""

import ast
import importlib
import inspect
import re
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PAGES = {
    "numpy": "reference/generated/{name}.html",
    "sklearn": "modules/generated/{name}.html",
    "pandas": "reference/api/{name}.html",
    "matplotlib": "api/_as_gen/{name}.html",
}
OTHER_PAGES = {"numpy.random.default_rng": "reference/random/generator.html"}
HEADER = "# Sphinx inventory version 1\n# Project: {project}\n# Version: stable\n"


def names_of_example(path):
    """Yield the full names that a script imports, and the attributes of the modules among them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            modules |= {alias.asname or alias.name: alias.name for alias in node.names}
    for node in ast.walk(tree):
        first, dot, rest = ast.unparse(node).partition(".") if is_dotted(node) else ("", "", "")
        if dot and first in modules:
            yield f"{modules[first]}.{rest}"


def is_dotted(node):
    """Whether a node is a name with attributes, such as np.random.default_rng."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


def names_of_docstrings(path):
    """Yield the names of other projects in the sections "See Also"."""
    yield from re.findall(r"^ +((?:sklearn|numpy|pandas)\.[\w.]+) :", path.read_text("utf-8"), re.M)


def line(name):
    """Return the line of an inventory; None for what is neither a function nor a class."""
    module, _, last = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), last)
    except (ImportError, AttributeError):
        return None
    kind = "class" if inspect.isclass(found) else "function" if callable(found) else None
    page = OTHER_PAGES.get(name, PAGES[name.partition(".")[0]].format(name=name))
    return f"{name} {kind} {page}\n" if kind else None


def main():
    """Write a file for each project."""
    names = {name for path in ROOT.glob("examples/*/*.py") for name in names_of_example(path)}
    names |= {name for path in ROOT.glob("sklstm/**/*.py") for name in names_of_docstrings(path)}
    for project in PAGES:
        own = sorted(name for name in names if name.startswith(f"{project}."))
        text = HEADER.format(project=project) + "".join(filter(None, map(line, own)))
        (HERE / f"{project}.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
