"""The tree of a file of code, which several tests walk."""

import ast
from functools import cache


@cache
def parsed(code: str) -> ast.Module:
    """To be looked at and left as it is; made once for the tests of a process."""
    return ast.parse(code)


@cache
def nodes(code: str) -> tuple[ast.AST, ...]:
    """All of the tree."""
    return tuple(ast.walk(parsed(code)))
