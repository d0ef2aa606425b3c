"""
The bugs: each a mistake that this or another client has made, or could.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Edit(NamedTuple):
    """
    A text of a module, which is there once, and what is put in its place.
    """

    module: str
    text: str
    instead: str


class Bug(NamedTuple):
    """
    A mistake, and the tests that are to find it.
    """

    name: str
    tests: tuple[str, ...]
    edits: tuple[Edit, ...]


class Stale(Exception):
    """
    The text a bug is put in the place of is not there, or not once only.
    """


ASKING = "_remoting/asking.py"
ATTEMPTS = "_sending/attempts.py"
FIRST = "_sending/firsttry.py"
DIALING = "_remoting/dialing.py"
WAITERS = "_remoting/waiters.py"

PRODUCER = "tests.sending.test_producer"
PROTOCOL = "tests.remoting.test_protocol"
ASKED = "tests.remoting.test_asking"
CAUGHT = "tests.planted.test_caught"

BUGS = (
    Bug(
        "match on the wrong connection",
        (CAUGHT,),
        (
            Edit(ASKING, "_NOTHING = ", "_SHARED: dict = {}\n_NOTHING = "),
            Edit(
                ASKING,
                "        self._outbox = Outbox()\n",
                "        self._outbox = Outbox()\n"
                "        self._waiters.live = _SHARED\n",
            ),
        ),
    ),
    Bug(
        "new id on a resend",
        (PRODUCER,),
        (
            Edit(
                "_sending/endings.py",
                "    send.queue = send.address = None\n",
                "    send.queue = send.address = None\n"
                "    out = send.outgoing\n"
                "    out.properties = out.properties.replace(\n"
                "        out.msgId, out.envelope.nextId())\n",
            ),
        ),
    ),
    Bug(
        "late answer fires",
        (ASKED, PROTOCOL),
        (
            Edit(
                WAITERS,
                "            del live[waiter.opaque]\n",
                "            waiter.deadline = inf\n",
            ),
        ),
    ),
    Bug(
        "second answer fires",
        (ASKED, PROTOCOL),
        (
            Edit(
                "_remoting/protocol.py",
                "waiter = live.pop(command.opaque, None)",
                "waiter = live.get(command.opaque)",
            ),
        ),
    ),
    Bug(
        "slot leaked on cancel",
        (PRODUCER,),
        (
            Edit(
                FIRST,
                "        self.course.ended(self.send, False)\n"
                "        self.ended.errback(",
                "        self.ended.errback(",
            ),
        ),
    ),
    Bug(
        "slot leaked on a failed encode",
        (CAUGHT,),
        (
            Edit(
                FIRST,
                "        if isinstance(error, CancelledError):\n",
                "        if isinstance(error, ValueError):\n"
                "            self.ended.errback(error)\n"
                "        elif isinstance(error, CancelledError):\n",
            ),
        ),
    ),
    Bug(
        "hook called twice",
        ("tests.sending.test_hooks",),
        (
            Edit(
                "_sending/hooks.py",
                "        self.after(context, result, None)\n",
                "        self.after(context, result, None)\n" * 2,
            ),
        ),
    ),
    Bug(
        "hook failure fails a send",
        ("tests.sending.test_hooks",),
        (
            Edit(
                "_sending/hooks.py",
                'self._log.failure("{method!r} failed", method=method)',
                "raise",
            ),
        ),
    ),
    Bug(
        "code 10 resent silently",
        (CAUGHT,),
        (
            Edit(
                "_sending/rules.py",
                "        Never: what is required is said by C{requiredAck}.\n"
                '        """\n        return False',
                '        No.\n        """\n'
                "        return result.sendStatus.value and made < 2",
            ),
        ),
    ),
    Bug(
        "MAYBE reported NO",
        (ASKED,),
        (
            Edit(
                WAITERS,
                "Persisted.NO if heard == UNWRITTEN else Persisted.MAYBE",
                "Persisted.NO",
            ),
        ),
    ),
    Bug(
        "NO reported MAYBE",
        (ASKED,),
        (
            Edit(
                WAITERS,
                "Persisted.NO if heard == UNWRITTEN else Persisted.MAYBE",
                "Persisted.MAYBE",
            ),
        ),
    ),
    Bug(
        "deadline restarted per attempt",
        (PRODUCER,),
        (
            Edit(
                ATTEMPTS,
                "            self.retries += 1\n",
                "            self.retries += 1\n"
                "            settings = send.outgoing.envelope.settings\n"
                "            send.at = began + settings.sendTimeout\n",
            ),
        ),
    ),
    Bug(
        "a cancelled send retried",
        (PRODUCER,),
        (
            Edit(
                FIRST,
                "            self._end(SendCancelled(",
                "            self.course.loop(self.send, None)\n"
                "            self._end(SendCancelled(",
            ),
        ),
    ),
    Bug(
        "TLS host check off",
        ("tests.test_tls",),
        (
            Edit(
                "tls.py",
                "        return optionsForClientTLS("
                "host, trust, extraCertificateOptions=dict(options))",
                "        return _Unchecked("
                "CertificateOptions(trustRoot=trust, **options), host)",
            ),
        ),
    ),
    Bug(
        "fall-back to plain text",
        ("tests.test_tls",),
        (
            Edit(
                "_remoting/endpoints.py",
                "        return Deferred.fromCoroutine(self._connect(address))",
                "        def plain(reason):\n"
                "            from txrocketmq.errors import TLSFailed\n"
                "            reason.trap(TLSFailed)\n"
                "            self._wrap = None\n"
                "            return Deferred.fromCoroutine(self._connect(address))\n\n"
                "        return Deferred.fromCoroutine("
                "self._connect(address)).addErrback(plain)",
            ),
        ),
    ),
    Bug(
        "old queue id sent to another broker",
        (PRODUCER,),
        (
            Edit(
                ATTEMPTS,
                "            command = send.outgoing.command("
                "queue, send.broker, old)\n",
                "            first = send.history and send.history.listed()[0].queue\n"
                "            at = first or queue\n"
                "            command = send.outgoing.command(at, send.broker, old)\n",
            ),
        ),
    ),
    Bug(
        "a failed connect wakes one waiter only",
        ("tests.remoting.test_connection",),
        (
            Edit(
                DIALING,
                "            waiter.errback(reason)\n",
                "            waiter.errback(reason)\n            break\n",
            ),
        ),
    ),
    Bug(
        "route dropped on one code 17",
        ("tests.routing.test_table",),
        (
            Edit(
                "_routing/table.py",
                "if now - entry.missing >= GRACE * self._pollInterval:",
                "if True:",
            ),
        ),
    ),
    Bug(
        "isolation that never ends",
        ("tests.routing.test_faults",),
        (
            Edit(
                "_routing/faults.py",
                "return failing is not None and now < failing.until",
                "return failing is not None",
            ),
        ),
    ),
    Bug(
        "batch results swapped",
        ("tests.sending.test_outgoing",),
        (
            Edit(
                "_sending/batch.py",
                "            ids,\n            offsetIdsOf(",
                "            ids[::-1],\n            offsetIdsOf(",
            ),
        ),
    ),
    Bug(
        "unregister left out",
        ("tests.sending.test_client",),
        (
            Edit(
                "client.py",
                "goodbye = self._membership.goodbye(self._connected(), timeout)",
                "goodbye = succeed(None)",
            ),
        ),
    ),
)
"""
All of them.
"""


def plant(bug: Bug, package: Path) -> None:
    """
    Put a bug into a copy of the package.

    @raise Stale: The copy has changed since the bug was written.
    """
    for module, text, instead in bug.edits:
        path = package / module
        source = path.read_text()
        if source.count(text) != 1:
            raise Stale(f"{bug.name}: {module} has {source.count(text)} of {text!r}")
        path.write_text(source.replace(text, instead))
