"""Runs a very small part of Python by walking its syntax tree; nothing foreign is ever executed.

Whole numbers, truth values, flat lists of numbers; assignments, if, while, for, print. Steps, the size of numbers and
lists, and the shape of the text are bounded, so that any text ends soon and in little memory.
"""

from __future__ import annotations

import ast
import io
import operator
import tokenize
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from longspan.errors import LongspanError

Value: TypeAlias = int | list[int]

LARGEST = 10**18
LONGEST_LIST = 10_000
LONGEST_TEXT = 4_000_000
LONGEST_LINE = 100
LONGEST_NUMBER = 25
DEEPEST = 10
MAX_BRANCHES = 100

_ARITHMETIC: Mapping[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[int, int], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


class ProgramError(LongspanError, ValueError):
    """A program that is no Python, steps outside the allowed part, does something impossible or takes too long."""


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


class Program:
    """A parsed program. Raises ProgramError for text that is no Python or too large or deep to be parsed safely."""

    def __init__(self, text: str) -> None:
        _check_shape(text)
        try:
            self.body = ast.parse(text).body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise ProgramError(f"no Python: {error}; write plain statements") from error

    def run(self, variables: Mapping[str, int], steps: int) -> tuple[list[str], int]:
        """The printed lines and the steps taken. Raises ProgramError, also after more than `steps` of them."""
        run = _Run(dict(variables), steps)
        try:
            run.block(self.body)
        except (_Break, _Continue) as error:
            raise ProgramError("break or continue outside a loop; move it into one") from error
        except RecursionError as error:
            raise ProgramError("nested too deep; write shorter expressions") from error
        return run.printed, steps - run.left


class _Run:
    def __init__(self, variables: dict[str, Value], steps: int) -> None:
        self.variables = variables
        self.left = steps
        self.printed: list[str] = []

    def spend(self, cost: int = 1) -> None:
        self.left -= cost
        if self.left < 0:
            raise ProgramError("too many steps; end the loop sooner")

    def block(self, body: Iterable[ast.stmt]) -> None:
        for statement in body:
            self.statement(statement)

    def statement(self, node: ast.stmt) -> None:
        self.spend()
        match node:
            case ast.Assign(targets=[target], value=value):
                self.assign(target, value)
            case ast.AugAssign(target=target, op=op, value=value):
                self.put(target, self.combined(op, self.number(_loaded(target)), self.number(value)))
            case ast.If(test=test, body=body, orelse=orelse):
                self.block(body if self.number(test) else orelse)
            case ast.While(test=test, body=body, orelse=[]):
                self.loop(body, self.rounds(test))
            case ast.For(target=ast.Name(id=name), iter=over, body=body, orelse=[]):
                self.loop(body, self.each(name, over))
            case ast.Expr(value=ast.Call(func=ast.Name(id="print"), args=args, keywords=[])):
                self.printed.append(" ".join(self.shown(each) for each in args))
            case ast.Expr(
                value=ast.Call(func=ast.Attribute(value=of, attr="append"), args=[arg], keywords=[])
            ):
                items = self.items(of)
                items.append(self.number(arg))
                _check_list(len(items))
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                pass
            case ast.Break():
                raise _Break
            case ast.Continue():
                raise _Continue
            case _:
                raise _refused(node)

    def loop(self, body: list[ast.stmt], rounds: Iterator[None]) -> None:
        for _ in rounds:
            self.spend()
            try:
                self.block(body)
            except _Break:
                return
            except _Continue:
                continue

    def rounds(self, test: ast.expr) -> Iterator[None]:
        while self.number(test):
            yield

    def each(self, name: str, over: ast.expr) -> Iterator[None]:
        match over:
            case ast.Call(func=ast.Name(id="range"), args=[_, *_] as args, keywords=[]) if len(args) <= 3:
                bounds = [self.number(each) for each in args]
                if len(bounds) == 3 and bounds[2] == 0:
                    raise ProgramError("a range with steps of 0; give another step")
                values: Iterable[int] = range(*bounds)
            case _:
                values = self.items(over)
        for value in values:
            self.variables[name] = value
            yield

    def assign(self, target: ast.expr, value: ast.expr) -> None:
        match target, value:
            case ast.Tuple(elts=targets), ast.Tuple(elts=values) if len(targets) == len(values):
                for each, found in zip(targets, [self.number(one) for one in values], strict=True):
                    self.put(each, found)
            case _:
                self.put(target, self.value(value))

    def put(self, target: ast.expr, value: Value) -> None:
        match target:
            case ast.Name(id=name):
                self.variables[name] = value
            case ast.Subscript(value=of, slice=place) if isinstance(value, int):
                items, index = self.items(of), self.number(place)
                _check_index(items, index)
                items[index] = value
            case _:
                raise _refused(target)

    def value(self, node: ast.expr) -> Value:
        """A number, or a list for the few expressions that make one."""
        self.spend()
        match node:
            case ast.List(elts=elements):
                return [self.number(each) for each in elements]
            case ast.BinOp(left=ast.List() as one, op=ast.Mult(), right=times):
                items, count = self.items(one), self.number(times)
                _check_list(max(len(items) * count, 0))
                self.spend(max(len(items) * count, 0))
                return items * count
            case ast.Name(id=name):
                if name not in self.variables:
                    raise ProgramError(f"{name[:40]} has no value yet; assign one first")
                return self.variables[name]
            case _:
                return self.scalar(node)

    def scalar(self, node: ast.expr) -> int:
        match node:
            case ast.Constant(value=int() as number):
                return _bounded(number)
            case ast.BinOp(left=left, op=op, right=right):
                return self.combined(op, self.number(left), self.number(right))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self.number(operand)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self.number(operand)
            case ast.BoolOp(op=op, values=values):
                return self.decided(isinstance(op, ast.And), values)
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self.compared(left, ops, others)
            case ast.Subscript(value=of, slice=place):
                items, index = self.items(of), self.number(place)
                _check_index(items, index)
                return items[index]
            case ast.Call(func=ast.Name(id="len"), args=[of], keywords=[]):
                return len(self.items(of))
            case _:
                raise _refused(node)

    def combined(self, op: ast.operator, left: int, right: int) -> int:
        if type(op) not in _ARITHMETIC:
            raise _refused(op)
        if right == 0 and isinstance(op, ast.FloorDiv | ast.Mod):
            raise ProgramError("division by 0; divide by another number")
        return _bounded(_ARITHMETIC[type(op)](left, right))

    def decided(self, all_of_them: bool, values: list[ast.expr]) -> int:
        value = 0
        for each in values:
            value = self.number(each)
            if bool(value) != all_of_them:
                break
        return value

    def compared(self, left: ast.expr, ops: list[ast.cmpop], others: list[ast.expr]) -> bool:
        value = self.number(left)
        for op, other in zip(ops, others, strict=True):
            if type(op) not in _COMPARISONS:
                raise _refused(op)
            following = self.number(other)
            if not _COMPARISONS[type(op)](value, following):
                return False
            value = following
        return True

    def number(self, node: ast.expr) -> int:
        value = self.value(node)
        if not isinstance(value, int):
            raise ProgramError("a list where a number is needed; take one of its elements")
        return value

    def items(self, node: ast.expr) -> list[int]:
        value = self.value(node)
        if not isinstance(value, list):
            raise ProgramError("a number where a list is needed; make a list first")
        return value

    def shown(self, node: ast.expr) -> str:
        match node:
            case ast.Constant(value=str() as text):
                self.spend(len(text))
                return text
            case _:
                value = self.value(node)
                self.spend(len(value) if isinstance(value, list) else 1)
                return str(value)


def _check_shape(text: str) -> None:
    """Refuses text whose syntax tree would be deep: long or bracketed lines, chains of elif, endless text."""
    if len(text) > LONGEST_TEXT:
        raise ProgramError(f"a program of {len(text):,} characters; keep it under {LONGEST_TEXT:,}")
    length = depth = branches = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            depth += (token.string in tuple("([{")) - (token.string in tuple(")]}"))
            ends = token.type == tokenize.NEWLINE or (token.type == tokenize.NL and depth == 0)
            length = 0 if ends else length + 1
            branches += token.string == "elif"
            if length > LONGEST_LINE or depth > DEEPEST or branches > MAX_BRANCHES:
                raise ProgramError("a statement too long or too deep; write shorter statements")
            if token.type == tokenize.NUMBER and len(token.string) > LONGEST_NUMBER:
                raise ProgramError("a number too long; keep numbers smaller")
            if token.type == tokenize.STRING and "f" in token.string.lower().partition(token.string[-1])[0]:
                raise ProgramError("a formatted string; print numbers and plain strings")
    except (tokenize.TokenError, SyntaxError, ValueError) as error:
        if isinstance(error, ProgramError):
            raise
        raise ProgramError(f"no Python: {error}; write plain statements") from error


def _loaded(target: ast.expr) -> ast.expr:
    """The target of an augmented assignment, to be read."""
    if not isinstance(target, ast.Name | ast.Subscript):
        raise _refused(target)
    return target


def _bounded(number: int) -> int:
    if abs(number) > LARGEST:
        raise ProgramError(f"a number beyond {LARGEST:.0e}; keep numbers smaller")
    return number


def _check_list(length: int) -> None:
    if length > LONGEST_LIST:
        raise ProgramError(f"a list of {length:,} numbers; keep it to {LONGEST_LIST:,}")


def _check_index(items: list[int], index: int) -> None:
    if not -len(items) <= index < len(items):
        raise ProgramError(f"index {index} in a list of {len(items)}; take one that is there")


def _refused(node: ast.AST) -> ProgramError:
    return ProgramError(f"{type(node).__name__} is not in the allowed part of Python; write it more plainly")
