"""
What tests start from: a clock in the test's hand and nothing left behind.

Importing this module also settles Hypothesis: no deadlines, which a busy machine
would break, and, where the environment has C{CI}, the same examples each time.
"""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import settings
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

settings.register_profile(
    "txrocketmq", deadline=None, derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("txrocketmq")

CHECKOUT = Path(
    os.environ.get("TXROCKETMQ_CHECKOUT") or Path(__file__).resolve().parent.parent
)
"""
The directory of C{setup.cfg}: tests that read the project's own files (not those
of the package, which is tested as it was installed) find them here.
"""


class TestCase(SynchronousTestCase):
    """
    A test without I/O.

    It must leave nothing scheduled: what is still to come after the test's own
    cleanups fails it.

    @ivar reactor: The reactor and the clock; time stands still until C{advance}.
    """

    def setUp(self) -> None:
        """
        Make the clock.
        """
        self.reactor = MemoryReactorClock()
        # Cleanups run last in, first out: this one after all of the test's own.
        self.addCleanup(self.assertNothingScheduled)

    def assertNothingScheduled(self) -> None:
        """
        Fail if L{reactor} still has something to call.
        """
        self.assertEqual(self.reactor.getDelayedCalls(), [], "left on the clock")
