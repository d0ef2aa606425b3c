"""
The budgets: how long things may be, how they are named, and what is never written.

A module is counted in lines as they are; a function in the lines of its body, less
docstring, comments and blank lines.
"""

from __future__ import annotations

import ast
import re
import statistics
from collections.abc import Iterator

from twisted.trial.unittest import SynchronousTestCase

from tests.sources import Definition, Function, Source, package, parse, read
from tests.support import CHECKOUT

MODULE_MEDIAN = 150
MODULE_MOST = 350

#: What is one long table, with nothing to understand between its lines: the codes,
#: the headers, the tree of exceptions, the settings.
TABLES = {"_wire/codes.py", "_wire/headers.py", "errors.py", "settings.py"}

FUNCTION_MEDIAN = 6
FUNCTION_P90 = 20
FUNCTION_MOST = 45

#: Words that say nothing of the thing they name.
BANNED = {
    "base",
    "common",
    "component",
    "engine",
    "handler",
    "helper",
    "manager",
    "misc",
    "processor",
    "util",
    "utils",
}

#: Scrapy calls its methods by its own spelling.
SNAKE = {"scrapy.py"}

#: Twisted's habit of dispatching by a prefix: render_GET, opt_version.
DISPATCHED = re.compile(r"[a-z][a-zA-Z0-9]*_[A-Z][A-Z0-9_]*|opt_[a-z0-9_]+|test_\w+")
CAMEL = re.compile(r"_{0,2}(?:[a-z][a-zA-Z0-9]*|[A-Z][a-zA-Z0-9]*|[A-Z0-9_]+|)_?")
DUNDER = re.compile(r"__[a-z_]+__")
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")

LOG_LEVELS = {"debug", "info", "warn", "error", "critical", "failure"}
EVALUATION = {"eval", "exec", "compile", "__import__"}
PICKLES = {"pickle", "marshal", "shelve", "dill", "cloudpickle"}


def bodyLines(function: Function, text: str) -> int:
    """
    Count the lines of a function's body that do something.
    """
    body = function.body[1:] if ast.get_docstring(function) else function.body
    if not body:
        return 0
    lines = text.splitlines()[body[0].lineno - 1 : body[-1].end_lineno]
    return sum(1 for line in lines if line.strip() and not line.strip().startswith("#"))


def functions(source: Source) -> Iterator[tuple[str, Function]]:
    """
    Find a module's functions and methods, each with its dotted name.
    """
    for name, node in source.definitions():
        if not isinstance(node, ast.ClassDef):
            yield name, node


def functionSizes(sources: tuple[Source, ...]) -> dict[str, int]:
    """
    Measure every function.
    """
    return {
        f"{source.at(node)} {name}": bodyLines(node, source.text)
        for source in sources
        for name, node in functions(source)
    }


def undocumented(source: Source) -> Iterator[str]:
    """
    Find the module, classes and functions without a docstring.

    Only special methods go without, whose meaning is Python's, and overloads.
    """
    if not ast.get_docstring(source.tree):
        yield source.path
    for name, node in source.definitions():
        if not (ast.get_docstring(node) or _speaksForItself(node)):
            yield f"{source.at(node)} {name}"


def _speaksForItself(node: Definition) -> bool:
    """
    Tell special methods and overloads.
    """
    return bool(DUNDER.fullmatch(node.name)) or any(
        ast.unparse(decorator).endswith("overload") for decorator in node.decorator_list
    )


def computedFormats(source: Source) -> Iterator[str]:
    """
    Find what is logged with a format that is not a plain string.

    A computed format hides its fields from observers, and lets a peer's text be
    taken for a format.
    """
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and _isLogging(node.func):
            given = node.args[:1] or [
                k.value for k in node.keywords if k.arg == "format"
            ]
            if not all(_isLiteral(argument) for argument in given):
                yield source.at(node)


def _isLogging(function: ast.expr) -> bool:
    """
    Tell C{self._log.info} and its like.
    """
    return (
        isinstance(function, ast.Attribute)
        and function.attr in LOG_LEVELS
        and ast.unparse(function.value).split(".")[-1] in {"_log", "log"}
    )


def _isLiteral(node: ast.expr) -> bool:
    """
    Tell a plain string.
    """
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def evaluations(source: Source) -> Iterator[str]:
    """
    Find what would run somebody else's code: pickles, C{eval} and the like.
    """
    for imported in source.imports():
        if imported.target.split(".")[0] in PICKLES:
            yield f"{source.path}:{imported.line} {imported.target}"
    for node in ast.walk(source.tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in EVALUATION
        ):
            yield f"{source.at(node)} {node.func.id}"


def globalStatements(source: Source) -> Iterator[str]:
    """
    Find functions that change their module.
    """
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Global):
            yield source.at(node)


def names(source: Source) -> Iterator[tuple[str, ast.AST]]:
    """
    Find every name that a module gives: to definitions, parameters and variables.
    """
    for node in ast.walk(source.tree):
        if isinstance(node, Definition):
            yield node.name, node
        elif isinstance(node, ast.arg):
            yield node.arg, node
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node


def misspelt(source: Source) -> Iterator[str]:
    """
    Find names that are not camelCase, nor a constant, nor for Twisted's dispatch.
    """
    for name, node in names(source):
        if not any(form.fullmatch(name) for form in (CAMEL, DUNDER, DISPATCHED)):
            yield f"{source.at(node)} {name}"


def empty(source: Source) -> Iterator[str]:
    """
    Find modules, classes and functions named with a word that says nothing.
    """
    named: list[tuple[str, ast.AST]] = [(source.name.split(".")[-1], source.tree)]
    named += [(node.name, node) for _, node in source.definitions()]
    for name, node in named:
        if BANNED & {word.lower() for word in WORD.findall(name)}:
            yield f"{source.at(node)} {name}"


def tests() -> tuple[Source, ...]:
    """
    Read the tests themselves.
    """
    return tuple(read(CHECKOUT / "tests"))


class SizeTests(SynchronousTestCase):
    """
    The package stays within its budgets.
    """

    def test_modules(self) -> None:
        """
        The median module is short, and only declared tables are long.
        """
        lines = {s.path: len(s.text.splitlines()) for s in package()}
        long = {
            path: count
            for path, count in lines.items()
            if count > MODULE_MOST and path not in TABLES
        }
        self.assertEqual(long, {}, f"longer than {MODULE_MOST} lines")
        self.assertLessEqual(statistics.median(lines.values()), MODULE_MEDIAN)

    def test_functions(self) -> None:
        """
        The median function is a few lines, nine of ten fit in sight, none is long.
        """
        sizes = functionSizes(package())
        long = {name: count for name, count in sizes.items() if count > FUNCTION_MOST}
        self.assertEqual(long, {}, f"longer than {FUNCTION_MOST} lines")
        ordered = sorted(sizes.values())
        self.assertLessEqual(statistics.median(ordered), FUNCTION_MEDIAN)
        self.assertLessEqual(ordered[len(ordered) * 9 // 10], FUNCTION_P90)


class WordTests(SynchronousTestCase):
    """
    The package, and its tests, are named and documented as agreed.
    """

    def test_everythingIsDocumented(self) -> None:
        """
        Every module, class and function has a docstring.
        """
        self.assertEqual([x for s in package() for x in undocumented(s)], [])

    def test_everyTestStatesItsPromise(self) -> None:
        """
        Every test has a docstring.
        """
        self.assertEqual([x for s in tests() for x in undocumented(s)], [])

    def test_camelCase(self) -> None:
        """
        Names are spelt as in Twisted, and as on RocketMQ's wire.
        """
        ours = [s for s in package() if s.path not in SNAKE]
        self.assertEqual([x for s in ours for x in misspelt(s)], [])

    def test_namesSaySomething(self) -> None:
        """
        Nothing is named with a word that says nothing.
        """
        self.assertEqual([x for s in package() for x in empty(s)], [])


class PracticeTests(SynchronousTestCase):
    """
    What is dangerous is not written.
    """

    def test_logFormatsAreLiteral(self) -> None:
        """
        What is logged has a plain format with named fields.
        """
        self.assertEqual([x for s in package() for x in computedFormats(s)], [])

    def test_nothingIsEvaluated(self) -> None:
        """
        There is no C{pickle}, C{eval} or C{exec}.
        """
        self.assertEqual([x for s in package() for x in evaluations(s)], [])

    def test_modulesHoldNoState(self) -> None:
        """
        No function changes its module.
        """
        self.assertEqual([x for s in package() for x in globalStatements(s)], [])

    def test_noMocks(self) -> None:
        """
        Doubles are classes that implement the interface, never C{unittest.mock}.
        """
        mocks = [
            f"{source.path}:{imported.line}"
            for source in tests()
            for imported in source.imports()
            if f"{imported.target}.".startswith(("unittest.mock.", "mock."))
        ]
        self.assertEqual(mocks, [])


class FindingTests(SynchronousTestCase):
    """
    What breaks a rule is found.
    """

    def found(self, rule: object, text: str) -> list[str]:
        """
        Apply a rule to a module's text.
        """
        assert callable(rule)
        return list(rule(parse("a", "a.py", text)))

    def test_bodyLines(self) -> None:
        """
        Signature, docstring, comments and blank lines do not count.
        """
        text = 'def f(\n x,\n):\n """\n Doc.\n """\n # why\n\n y = x\n return (\n  y)\n'
        sizes = functionSizes((parse("a", "a.py", text),))
        self.assertEqual(sizes, {"a.py:1 f": 3})
        onlyDocumented = parse("a", "a.py", 'def f():\n "Doc."')
        self.assertEqual(list(functionSizes((onlyDocumented,)).values()), [0])

    def test_undocumented(self) -> None:
        """
        Methods and private functions count, special methods do not.
        """
        text = "class A:\n def __init__(self): pass\n def b(self): pass\ndef _c(): pass"
        self.assertEqual(
            self.found(undocumented, text),
            ["a.py", "a.py:1 A", "a.py:3 A.b", "a.py:4 _c"],
        )

    def test_computedFormats(self) -> None:
        """
        f-strings, sums and variables are found as formats, wherever they stand.
        """
        for format in ("f'{x}'", "'a' + x", "x", "format=x"):
            self.assertEqual(
                len(self.found(computedFormats, f"self._log.info({format})")), 1
            )
        for format in ("'a {x}', x=x", "x=x", "format='a'", "'a' 'b'"):
            self.assertEqual(
                self.found(computedFormats, f"self._log.info({format})"), []
            )
        self.assertEqual(
            self.found(computedFormats, "math.log(x); request.error(x)"), []
        )

    def test_evaluations(self) -> None:
        """
        Imports and calls are found; C{re.compile} is another thing.
        """
        text = "import pickle\nfrom marshal import loads\neval('1')\nre.compile('a')"
        self.assertEqual(len(self.found(evaluations, text)), 3)

    def test_misspelt(self) -> None:
        """
        Definitions, parameters, variables and attributes are looked at.
        """
        text = "def a_b(c_d):\n e_f = 1\n self.g_h = e_f\nclass I_j: pass"
        self.assertEqual(len(self.found(misspelt, text)), 5)
        text = "def aB(cD, _, in_, __x):\n E_F = 1\n self._gH = E_F\nclass IJ: pass"
        self.assertEqual(self.found(misspelt, text), [])
        text = "def render_GET(): pass\ndef opt_name_server(): pass\n__all__ = []"
        self.assertEqual(self.found(misspelt, text), [])

    def test_empty(self) -> None:
        """
        A banned word is found inside of a name too, but not inside of a word.
        """
        text = "class RequestHandler: pass\ndef _baseOf(): pass\ndef database(): pass"
        self.assertEqual(
            self.found(empty, text), ["a.py:1 RequestHandler", "a.py:2 _baseOf"]
        )

    def test_globalStatements(self) -> None:
        """
        A C{global} statement is found.
        """
        self.assertEqual(
            self.found(globalStatements, "def f():\n global x\n x = 1"), ["a.py:2"]
        )
