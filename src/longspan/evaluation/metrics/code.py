"""The first function in a piece of code, found by its grammar."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any

from longspan.evaluation.task import TaskError

_GRAMMARS = {
    "python": ("tree_sitter_python", "language", "function_definition"),
    "cpp": ("tree_sitter_cpp", "language", "function_definition"),
    "java": ("tree_sitter_java", "language", "method_declaration"),
    "rust": ("tree_sitter_rust", "language", "function_item"),
    "typescript": ("tree_sitter_typescript", "language_typescript", "function_declaration"),
}
"""By language: package, grammar in it, and what it calls a function."""


def first_function(code: str, language: str) -> str | None:
    """The text of the first function, of the outer one where they are nested; None where there is none.

    language: python, cpp, java, rust or typescript. Raises TaskError where the parser is missing.
    """
    source = code.encode("utf-8", "surrogatepass")
    _, _, kind = _GRAMMARS[language]
    for node in _nodes(_parser(language).parse(source).root_node):
        if node.type == kind and _named(node, language):
            return source[node.start_byte : node.end_byte].decode("utf-8", "surrogatepass")
    return None


def _named(node: Any, language: str) -> bool:
    """Whether a function has a name; of C++ only plain names count, as in RepoQA, so no methods defined outside."""
    if language != "cpp":
        return node.child_by_field_name("name") is not None
    declarator = node.child_by_field_name("declarator")
    name = declarator.child_by_field_name("declarator") if declarator is not None else None
    return name is not None and (declarator.type, name.type) == ("function_declarator", "identifier")


def _nodes(root: Any) -> Iterator[Any]:
    """All nodes, each before what is in it."""
    left = [root]
    while left:
        node = left.pop()
        yield node
        left.extend(reversed(node.children))


@cache
def _parser(language: str) -> Any:
    package, grammar, _ = _GRAMMARS[language]
    try:
        from tree_sitter import Language, Parser

        return Parser(Language(getattr(import_module(package), grammar)()))
    except ImportError as error:
        raise TaskError(
            f"finding the function in {language} needs a parser: pip install 'longspan[code]'"
        ) from error
