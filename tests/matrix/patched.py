"""
C{python -m tests.matrix.patched [--seed N | rows...]}: whether tests prove rows.

For each row, what it names is patched out of the library in a process of its own,
and the row's tests run there: one of them must fail.  With a seed, ten rows are
drawn.  The exit status is 1 where all tests of a row pass without it, or do not end.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .report import tests

R, S, W, T = (
    "txrocketmq._remoting.",
    "txrocketmq._sending.",
    "txrocketmq._wire.",
    "txrocketmq._routing.",
)

SPOOL = "txrocketmq._spool."
RELAY = "txrocketmq.relay."

NOTHING = "lambda *a, **k: None"
TRUE = "lambda *a, **k: True"
FALSE = "lambda *a, **k: False"

PATCHES: dict[str, tuple[tuple[str, str], ...]] = {
    "F01": ((R + "backoff.Backoff.failed", NOTHING),),
    "F02": ((R + "endpoints.ConnectTimeout", "ZeroDivisionError"),),
    "F03": ((R + "patience.Patience.verdict", NOTHING),),
    "F05": (
        (
            R + "lookups.Lookups._found",
            "lambda self, r: [self._running.pop(r.name), r.complete.happen(r.found)]",
        ),
    ),
    "F06": ((R + "lookups.GIVEN_UP", "-1.0"),),
    "F08": ((T + "nameserver.NameServerClient._inOrder", "lambda self, all: all[:1]"),),
    "F09": (
        (T + "table.RouteTable.known", NOTHING),
        (T + "table.RouteTable.publishInfo", "lambda self, t, n: self.refresh(t)"),
    ),
    "F11": ((R + "backoff.MOST_AFTER_FAILURE", "60.0"),),
    "F12": ((R + "endpoints.isAllowed", TRUE),),
    "F13": ((T + "discovery.MAX_BODY", "10 ** 9"),),
    "F18": ((R + "backoff.Backoff.lost", NOTHING),),
    "F19": ((R + "patience.Patience.verdict", NOTHING),),
    "F20": ((S + "policy.MAYBE", "None"), (R + "waiters.UNWRITTEN", "0")),
    "F22": ((R + "patience.Patience.frameArriving", NOTHING),),
    "F23": ((W + "frames.FrameBuffer.feed", "lambda self, data: []"),),
    "F28": ((R + "patience.Patience.frameArriving", NOTHING),),
    "F29": (
        (
            W + "frames.FrameBuffer.feed",
            "lambda self, d, f=FrameBuffer.feed: [sum(range(10**7)), f(self, d)][1]",
        ),
    ),
    "F30b": ((R + "protocol.RemotingProtocol.pauseProducing", NOTHING),),
    "F31": ((R + "quotas.Tolerance.exceeded", FALSE),),
    "F32": ((R + "opaques.Opaques._wasIssued", FALSE),),
    "F33": ((R + "opaques.Opaques._wasIssued", FALSE),),
    "F35": (
        (
            R + "opaques.Opaques.issue",
            "lambda self, live: self._first",
        ),
    ),
    "F38": ((S + "outgoing.MalformedAnswer", "lambda *a: ValueError()"),),
    "F39": ((R + "answering.Answering._answer", NOTHING),),
    "F40": ((R + "quotas.Quota.take", TRUE),),
    "F42": ((R + "protocol.UNWRITTEN", "-7"),),
    "F43": ((T + "table.GRACE", "-1"),),
    "F44": ((S + "rules.OurRules.after", "lambda *a: Step.END"),),
    "F45": (
        (S + "targets.Targets.refreshSoon", NOTHING),
        (S + "targets.Targets.refreshed", "_nothingAsync"),
    ),
    "F46": ((R + "backoff.MOST_AFTER_FAILURE", "5.0"),),
    "F47": ((R + "waiters.UNWRITTEN", "0"), (R + "asking.UNWRITTEN", "0")),
    "F48": ((R + "opaques.Opaques.strayed", FALSE),),
    "F49": ((S + "rules.OurRules.after", "lambda *a: Step.END"),),
    "F50": (
        (S + "firsttry.FirstTry.answered", NOTHING),
        (S + "fastsend.FastSend.answered", NOTHING),
    ),
    "F51": (
        (S + "progress.Send.duplicates", "property(lambda self: 0)"),
        (S + "progress.Send.attempts", "lambda self, now: ()"),
    ),
    "F52": ((S + "policy.BY_CODE", "{}"),),
    "F53": ((S + "outgoing.TOO_WEAK", "dict.fromkeys(RequiredAck, frozenset())"),),
    "F54": (("txrocketmq._circuits.Circuits.refusal", NOTHING),),
    "F55": ((S + "windows.Windows.refused", NOTHING),),
    "F56": ((W + "routes.MAX_BROKERS", "float('inf')"),),
    "F57": (("txrocketmq.client.MQClient.refusal", NOTHING),),
    "F58": ((S + "attempts.Attempts.stop", NOTHING),),
    "F59": ((R + "waiters.Unwritten.persisted", "Persisted.MAYBE"),),
    "F60": ((S + "intake.Intake.ended", NOTHING),),
    "F61": ((S + "limits.Room.release", NOTHING),),
    "F62": ((S + "limits.Room._fits", TRUE),),
    "F64": (("txrocketmq.client.clockFor", "lambda reactor: reactor"),),
    "F65": ((R + "patience.Grace.isDue", FALSE),),
    "F65b": (("txrocketmq.client.thisProcess", "type('One', (), {'pid': 1})"),),
    "F65d": (
        (S + "assemble.checkMessage", NOTHING),
        (S + "validate.checkMessage", NOTHING),
    ),
    "F67": ((SPOOL + "keeper.isLogWhole", TRUE),),
    "F68": ((RELAY + "draining.Drain.hurry", NOTHING),),
    "F69": ((SPOOL + "keeper.isFull", FALSE),),
    "F70": ((SPOOL + "keeper.Keeper._broken", NOTHING),),
    "F71": ((SPOOL + "records.crc32", "lambda *a: 0"),),
    "F72": ((SPOOL + "place._lock", NOTHING),),
    "F73": ((SPOOL + "verdicts._fateOf", "lambda cause: Fate.AGAIN"),),
    "F74": ((SPOOL + "spool.Spool._room", "lambda self: 1 << 60"),),
    "F75": ((SPOOL + "database.SMALL", "1 << 60"),),
    "F76": ((RELAY + "request.DRAINED", "float('inf')"),),
    "F77": ((RELAY + "channel.RelayChannel.readConnectionLost", NOTHING),),
    "F78": ((RELAY + "site.RelaySite._look", NOTHING),),
    "F79": (
        (
            RELAY + "sends.Sends._ended",
            "lambda self, p, t, f=Sends._ended: f(self, self._count - self._left, t)",
        ),
    ),
    "F80": ((RELAY + "channel.headFault", NOTHING),),
    "F81": ((RELAY + "ingest.claimed", "_nothingAsync"),),
    "F82": ((RELAY + "ingest.claimed", "_nothingAsync"),),
    "F83": ((RELAY + "shares.Shares.take", NOTHING),),
    "F84": (
        (
            RELAY + "jsonlog.JSONLines.__call__",
            "lambda self, event: self._stream.write(line(event))",
        ),
    ),
    "F85": ((RELAY + "service.reload", NOTHING),),
    "F87": ((RELAY + "endpoints.isLoopback", TRUE),),
    "F88": ((R + "endpoints.isAllowed", TRUE),),
    "F89": (("txrocketmq.errors._clipped", "lambda remark: remark"),),
}
"""
For each row, what to put in the place of what: dotted names, and expressions that
are evaluated in the module patched.
"""

TIMEOUT = 300.0
"""
Seconds a row's tests may take.
"""

WORDS = {
    True: "fails without it",
    False: "PASSES WITHOUT IT",
    None: f"DID NOT END IN {TIMEOUT:.0f} S",
}

RUN = """
import sys
from twisted.python.reflect import namedAny
from twisted.scripts.trial import run

async def _nothingAsync(*a, **k):
    pass

pairs = {pairs!r}
for target, expression in pairs:
    owner, _, name = target.rpartition(".")
    place = namedAny(owner)
    scope = vars(sys.modules[getattr(place, "__module__", None) or owner])
    value = eval(expression, {{**scope, "_nothingAsync": _nothingAsync}})
    getattr(place, name)
    setattr(place, name, value)
sys.argv = ["trial", "-x", "--temp-directory={directory}", *{names!r}]
run()
"""


def notices(each: str, names: Sequence[str]) -> bool | None:
    """
    Whether a row's tests fail without what the row names; L{None} where they do not
    end.
    """
    with tempfile.TemporaryDirectory() as directory:
        script = RUN.format(
            pairs=PATCHES[each], directory=f"{directory}/trial", names=list(names)
        )
        path = os.pathsep.join(filter(None, [str(Path.cwd()), *sys.path]))
        try:
            ended = subprocess.run(
                [sys.executable, "-c", script],
                env={**os.environ, "PYTHONPATH": path},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
    return "\nFAILED (" in ended.stdout


def main(arguments: Sequence[str]) -> int:
    """
    Try some rows, or all that can be tried.

    @return: The exit status.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.matrix.patched")
    parser.add_argument("rows", nargs="*", metavar="ROW")
    parser.add_argument("--seed", type=int, help="draw ten rows")
    options = parser.parse_args(arguments)
    rows: list[str] = options.rows or sorted(PATCHES)
    if options.seed is not None:
        rows = sorted(random.Random(options.seed).sample(sorted(PATCHES), 10))
    found = tests()
    missed = 0
    for each in rows:
        noticed = notices(each, found[each])
        missed += not noticed
        words = WORDS[noticed]
        sys.stdout.write(f"{each} {words}\n")
        sys.stdout.flush()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
