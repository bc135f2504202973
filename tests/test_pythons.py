"""What the Pythons that this program runs on make of it, each in its own way."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "exporter").rglob("*.py"))

Inlined = ast.ListComp | ast.SetComp | ast.DictComp


def names(tree: ast.AST, context: type[ast.expr_context]) -> set[str]:
    """Return the names that are read, or bound, somewhere in a piece of code."""
    found = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    return {node.id for node in found if isinstance(node.ctx, context)}


def mistaken(module: ast.Module) -> Iterator[str]:
    """Name what Python 3.12 before 3.12.4 would look for in the wrong place (cpython issue 118513)."""
    defined = (node for node in module.body if isinstance(node, ast.FunctionDef | ast.ClassDef))
    known = {node.name for node in defined}
    for function in (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)):
        inlined = [node for node in ast.walk(function) if isinstance(node, Inlined)]
        read = [names(node, ast.Load) - names(node, ast.Store) for node in inlined]
        bound = [names(node, ast.Store) for node in inlined]
        yield from known & set().union(*read) & set().union(*bound)


@pytest.mark.parametrize("path", SOURCES, ids=[str(path.relative_to(ROOT)) for path in SOURCES])
def test_no_comprehension_names_its_variable_as_the_function_that_another_beside_it_calls(path: Path) -> None:
    assert not list(mistaken(ast.parse(path.read_text("utf-8"))))
