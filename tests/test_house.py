"""The sizes of the house: files and functions that can be read at one go."""

import ast
from pathlib import Path

import pytest

import sklstm

PACKAGE = Path(sklstm.__file__).parent
FILES = {str(path.relative_to(PACKAGE)): path for path in sorted(PACKAGE.rglob("*.py"))}
TESTS = {
    str(path.relative_to(Path(__file__).parent)): path
    for path in Path(__file__).parent.rglob("*.py")
}
MAX_LINES = 400
MAX_BODY = 40


def body_lines(function):
    """Count the lines of a function's body, without its docstring."""
    first, *rest = function.body
    if ast.get_docstring(function, clean=False) is None:
        start = first.lineno
    elif rest:
        start = min([rest[0].lineno, *(d.lineno for d in getattr(rest[0], "decorator_list", []))])
    else:
        return 0
    return function.end_lineno - start + 1


def functions_of(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", [*FILES.values(), *TESTS.values()], ids=[*FILES, *TESTS])
def test_no_file_is_long(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", FILES.values(), ids=FILES)
def test_no_function_is_long(path):
    long = {node.name: body_lines(node) for node in functions_of(path)}
    assert not {name: lines for name, lines in long.items() if lines > MAX_BODY}


def test_the_docstring_is_not_counted():
    code = 'def f():\n    """One.\n\n    Two.\n    """\n    # why\n    x = 1\n\n    return x\n'
    assert body_lines(ast.parse(code).body[0]) == 3
