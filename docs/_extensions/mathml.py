"""Formulas as MathML, which browsers draw themselves: no script and no font is loaded.

docutils translates TeX into MathML. Sphinx has no option for it, only a renderer to be added.
"""

import re
from html import escape

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

# An index after an accent: docutils takes "\tilde c_t" for a tilde above c and a t right below it.
ACCENT_WITH_INDEX = re.compile(r"\\(?:bar|dot|hat|tilde|vec)\s*(?:\w|{\w})(?=[_^])")


def formula(node, as_block):
    """Return the MathML of a formula; TeX that docutils does not know is a warning of the build."""
    tex = node.astext()
    try:
        return tex2mathml(ACCENT_WITH_INDEX.sub(r"\g<0>{}", tex), as_block=as_block)
    except MathError as error:
        logging.getLogger(__name__).warning("formula %r: %s", tex, error, location=node)
        return f"<code>{escape(tex)}</code>"


def visit_inline(translator, node):
    """Write a formula in a line of text."""
    translator.body.append(formula(node, as_block=False))
    raise nodes.SkipNode


def visit_block(translator, node):
    """Write a formula that has lines of its own."""
    translator.body.append(f'<div class="formula">{formula(node, as_block=True)}</div>\n')
    raise nodes.SkipNode


def setup(app):
    """Add the renderer that `html_math_renderer` names."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
