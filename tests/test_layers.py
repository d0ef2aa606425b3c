"""
The layer law: a module imports only from the layers below its own.

Inside a subpackage modules may import each other, but never in a circle.  An
import under C{if TYPE_CHECKING:} makes nothing depend on anything when the program
runs: it may also name the importer's own layer, but none above.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from twisted.trial.unittest import SynchronousTestCase

from tests.sources import PACKAGE, Import, Source, package, parse

LAYERS: list[set[str]] = [
    # values and codecs; no Twisted
    {"_version", "message", "stats", "_wire"},
    # what is said with them; remoting: the public names of _wire
    {"selectors", "context", "errors", "remoting", "namespaces"},
    {"_checks"},
    # what users implement and choose: settings refuses what cannot be with an
    # InvalidConfiguration, as compression does where a library is missing
    {"settings", "interfaces", "compression", "_deferreds", "_steady", "_circuits"},
    # what is made of settings
    {"acl", "tls", "_identity"},
    {"_remoting"},
    {"_routing"},
    {"discovery"},
    {"_sending"},
    # what the client says by itself, and to whom
    {"_inbound", "_membership", "_readiness", "_rpchooks"},
    {"_peers"},
    {"client"},
    {"producer", "transaction", "requestreply", "trace"},
    # _options, _clocks: what the command line and the relay do on start
    {"sandbox", "_options", "_clocks", "_spool"},
    {"testing", "relay", "scrapy", "doctor"},
    {"_cli"},
    {"cli"},
    {"__main__"},
]
"""
The first segment of each module's name, from the bottom.
"""

RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}

#: The package itself names what users see.  Only products may use it.
ROOT = RANK["sandbox"]

#: A module -> what it must do without, though the layers would allow it.
FORBIDDEN = {
    # It plays the other side: what it shared with a client it could not test.
    "sandbox": {"_routing", "_sending", "client", *LAYERS[RANK["producer"]]},
}

#: What reaches for a clock, for chance or for the machine.  Law 1.
AMBIENT = {
    "asyncio",
    "datetime",
    "os",
    "random",
    "secrets",
    "socket",
    "threading",
    "time",
    "uuid",
}

TWISTED = {"twisted", "zope"}

#: A hook -> who may make it.  Law 4.
MAKERS = {"acl": {"_rpchooks"}, "trace": {"relay", "scrapy", "doctor", "_cli", "cli"}}

#: Who touches a transport: the two halves of the remoting protocol, the client's
#: and the server's alike, and the relay's HTTP connections.  Law 2.
TRANSPORT = {
    "_remoting.gathering",
    "_remoting.protocol",
    "relay.adminsite",
    "relay.channel",
    "relay.site",
}

REACTOR = "twisted.internet.reactor"


def segment(module: str) -> str:
    """
    Take a module's layer name: the first segment below the package.
    """
    return module.split(".")[0]


def internal(source: Source) -> Iterator[tuple[Import, str]]:
    """
    Find what a module imports of the package, each with its name below it.
    """
    for imported in source.imports():
        if imported.target.split(".")[0] == PACKAGE:
            yield imported, imported.target.partition(".")[2]


def arrow(source: Source, imported: Import) -> str:
    """
    Write down an import for a report.
    """
    return f"{source.path}:{imported.line} imports {imported.target}"


def upward(source: Source) -> Iterator[str]:
    """
    Find the imports that break the layer law.
    """
    own = segment(source.name)
    if own not in RANK:
        return
    for imported, name in internal(source):
        theirs = segment(name)
        if theirs == own:
            continue
        rank = RANK.get(theirs, ROOT)
        allowed = rank < RANK[own] or (imported.typing and rank == RANK[own])
        if not allowed or theirs in FORBIDDEN.get(own, ()):
            yield arrow(source, imported)


def circles(sources: dict[str, Source]) -> Iterator[str]:
    """
    Find the modules that cannot be imported without themselves.
    """
    edges = {
        name: {
            module
            for imported, target in internal(source)
            if not imported.typing
            for module in (target, target.rpartition(".")[0])
            if module in sources and module != name
        }
        for name, source in sources.items()
        if name != ""
    }
    for name in edges:
        seen: set[str] = set()
        waiting = list(edges[name])
        while waiting:
            if (module := waiting.pop()) not in seen:
                seen.add(module)
                waiting.extend(edges.get(module, ()))
        if name in seen:
            yield name


def importsOf(source: Source, roots: set[str]) -> list[str]:
    """
    Find a module's imports from other packages.
    """
    return [
        arrow(source, imported)
        for imported in source.imports()
        if imported.target.split(".")[0] in roots
    ]


def touchesTransport(source: Source) -> list[str]:
    """
    Find C{self.transport}.
    """
    return [
        source.at(node)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute)
        and node.attr == "transport"
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    ]


def takesReactor(source: Source) -> list[str]:
    """
    Find imports of the global reactor where there must be none.
    """
    if source.name in {"cli", "relay.tap"}:
        return []
    return [
        arrow(source, imported)
        for imported in source.imports()
        if imported.target == REACTOR
        and not (source.name == "scrapy" and imported.inFunction)
    ]


def loopsWithoutClock(source: Source) -> list[str]:
    """
    Find functions that make a C{LoopingCall} and do not give it a clock.

    Its constructor imports the global reactor: so it is made where something
    starts, and is given our own clock at once.
    """
    return [
        source.at(function)
        for _, function in source.definitions()
        if not isinstance(function, ast.ClassDef)
        and any(_isLoop(node) for node in ast.walk(function))
        and not any(_setsClock(node) for node in ast.walk(function))
    ] + [
        source.at(node)
        for statement in source.tree.body
        if not isinstance(statement, (ast.ClassDef, ast.FunctionDef))
        for node in ast.walk(statement)
        if _isLoop(node)
    ]


def _isLoop(node: ast.AST) -> bool:
    """
    Tell C{LoopingCall(...)}.
    """
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, (ast.Name, ast.Attribute))
        and ast.unparse(node.func).endswith("LoopingCall")
    )


def _setsClock(node: ast.AST) -> bool:
    """
    Tell C{x.clock = ...}.
    """
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "clock"
        and isinstance(node.ctx, ast.Store)
    )


class LayerTests(SynchronousTestCase):
    """
    The package keeps the laws.
    """

    def test_everyModuleHasALayer(self) -> None:
        """
        L{LAYERS} places every module.
        """
        names = {segment(source.name) for source in package()} - {""}
        self.assertEqual(names - RANK.keys(), set(), "not placed in LAYERS")

    def test_importsPointDownwards(self) -> None:
        """
        No module imports from its own layer, or from one above.
        """
        self.assertEqual([line for s in package() for line in upward(s)], [])

    def test_noCircles(self) -> None:
        """
        No module needs itself, inside of a subpackage either.
        """
        self.assertEqual(list(circles({s.name: s for s in package()})), [])

    def test_wireIsPure(self) -> None:
        """
        Law 1: C{_wire} imports no Twisted, reads no clock, draws no random number.
        """
        forbidden = AMBIENT | TWISTED
        wire = [s for s in package() if segment(s.name) == "_wire"]
        self.assertEqual([x for s in wire for x in importsOf(s, forbidden)], [])

    def test_valuesKnowNoTwisted(self) -> None:
        """
        The values on the lowest layer, and selectors, import no Twisted.
        """
        values = [s for s in package() if segment(s.name) in {*LAYERS[0], "selectors"}]
        self.assertEqual([x for s in values for x in importsOf(s, TWISTED)], [])

    def test_protocolsTouchTheTransport(self) -> None:
        """
        Law 2: only L{TRANSPORT} touches C{self.transport}, and each of them does.
        """
        found = {s.name: touchesTransport(s) for s in package()}
        touching = {name: places for name, places in found.items() if places}
        strays = {name: touching[name] for name in touching.keys() - TRANSPORT}
        self.assertEqual(strays, {})
        self.assertEqual(TRANSPORT - touching.keys(), set(), "do not touch it")

    def test_onlyEntryPointsTakeTheReactor(self) -> None:
        """
        Law 3: only C{cli} and C{relay.tap} import the reactor, and C{scrapy},
        whose reactor is Scrapy's, inside of a function.
        """
        self.assertEqual([x for s in package() for x in takesReactor(s)], [])

    def test_loopsHaveOurClock(self) -> None:
        """
        Law 3, its one exception: a C{LoopingCall} is given a clock where it is made.
        """
        self.assertEqual([x for s in package() for x in loopsWithoutClock(s)], [])

    def test_hooksArePassedIn(self) -> None:
        """
        Law 4: C{acl} is made by the client's C{_rpchooks}, and no other hook is
        made by anyone below the entry points.
        """
        strays = [
            arrow(source, imported)
            for source in package()
            for imported, name in internal(source)
            if not imported.typing
            and segment(source.name)
            not in MAKERS.get(segment(name), {segment(source.name)})
        ]
        self.assertEqual(strays, [])


class FindingTests(SynchronousTestCase):
    """
    What the laws forbid is found where it is done.
    """

    def test_upward(self) -> None:
        """
        Imports of the same layer and of layers above are found, however written.
        """
        text = "\n".join(
            (
                "from txrocketmq import client",
                "from .. import producer",
                "import txrocketmq.cli",
            )
        )
        found = upward(parse("_routing.table", "_routing/table.py", text))
        self.assertEqual(len(list(found)), 3)
        same = parse("acl", "acl.py", "from txrocketmq.tls import wrap")
        self.assertEqual(len(list(upward(same))), 1)

    def test_downward(self) -> None:
        """
        Imports of layers below, and inside of a subpackage, are no violations.
        """
        text = "from .faults import x\nfrom txrocketmq._wire.codes import y\nimport os"
        found = upward(parse("_routing.table", "_routing/table.py", text))
        self.assertEqual(list(found), [])

    def test_typing(self) -> None:
        """
        For annotations a module may name its own layer, but none above.
        """
        text = "if TYPE_CHECKING:\n from txrocketmq.producer import Producer"
        beside = parse("transaction", "transaction.py", text)
        below = parse("client", "client.py", text)
        self.assertEqual(list(upward(beside)), [])
        self.assertEqual(len(list(upward(below))), 1)

    def test_packageItself(self) -> None:
        """
        The package's own names are for products only.
        """
        text = "from txrocketmq import Message"
        self.assertEqual(len(list(upward(parse("trace", "trace.py", text)))), 1)
        self.assertEqual(list(upward(parse("cli", "cli.py", text))), [])

    def test_sandbox(self) -> None:
        """
        The sandbox must not use the client's half, though that lies below.
        """
        text = "from txrocketmq._sending.assemble import x"
        found = upward(parse("sandbox.broker", "sandbox/broker.py", text))
        self.assertEqual(len(list(found)), 1)

    def test_circles(self) -> None:
        """
        A circle is found, and its members named.
        """
        one = parse("_wire.one", "_wire/one.py", "from . import two")
        two = parse("_wire.two", "_wire/two.py", "from .one import x")
        self.assertEqual(
            sorted(circles({s.name: s for s in (one, two)})), ["_wire.one", "_wire.two"]
        )

    def test_transport(self) -> None:
        """
        C{self.transport} is found; somebody else's is not meant.
        """
        text = (
            "def dataReceived(self, data):\n self.transport.write(data)\n"
            "def render(self, request):\n request.transport.loseConnection()"
        )
        self.assertEqual(touchesTransport(parse("a", "a.py", text)), ["a.py:2"])

    def test_reactor(self) -> None:
        """
        The reactor is found where it must not be taken, in Scrapy's module at the
        top level only.
        """
        text = "def f():\n from twisted.internet import reactor"
        self.assertEqual(len(takesReactor(parse("client", "client.py", text))), 1)
        self.assertEqual(takesReactor(parse("scrapy", "scrapy.py", text)), [])
        text = "from twisted.internet import reactor"
        self.assertEqual(len(takesReactor(parse("scrapy", "scrapy.py", text))), 1)
        self.assertEqual(takesReactor(parse("relay.tap", "relay/tap.py", text)), [])

    def test_loops(self) -> None:
        """
        A loop without a clock is found in a function and outside of any.
        """
        bad = "loop = LoopingCall(f)\ndef g():\n task.LoopingCall(f).start(1)"
        good = (
            "def g(self):\n self.loop = LoopingCall(f)\n self.loop.clock = self.clock"
        )
        self.assertEqual(
            sorted(loopsWithoutClock(parse("a", "a.py", bad))), ["a.py:1", "a.py:2"]
        )
        self.assertEqual(loopsWithoutClock(parse("a", "a.py", good)), [])
