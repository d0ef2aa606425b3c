"""
The enumeration of stages: whatever happens at whichever step of a client's life,
its sends end once, in time and truly, and nothing is left of it.
"""

from __future__ import annotations

import gc
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from txrocketmq._wire.codes import SerializeType

from .marks import row
from .stages import ACTIONS, lived

JSON, BINARY = SerializeType.JSON, SerializeType.ROCKETMQ


class StageTests(SynchronousTestCase):
    """
    One action at each step, in headers of both forms.
    """

    def everywhere(self, action: str) -> None:
        """
        Let an action happen at each step of a life.
        """
        for serializeType in (JSON, BINARY):
            steps = lived(serializeType, 0).steps
            self.assertGreater(steps, 30)
            for at in range(1, steps + 1):
                self.check(serializeType, at, action)

    def check(self, serializeType: SerializeType, at: int, action: str) -> None:
        """
        One life.
        """
        life = lived(serializeType, at, action)
        wrong = list(life.wrongs())
        wrong += [str(each) for each in self.flushLoggedErrors()]
        self.assertEqual(wrong, [], f"{action} at step {at}, {serializeType!r}")

    @row("F59")
    def test_cancel(self) -> None:
        """
        Cancelling: NO before the write, MAYBE after it.
        """
        self.everywhere("cancel")

    @row("F58")
    def test_stop(self) -> None:
        """
        Stopping: what is under way ends well or truly.
        """
        self.everywhere("stop")

    @row("F20")
    def test_reset(self) -> None:
        """
        All connections are reset.
        """
        self.everywhere("reset")

    @row("F21")
    def test_finish(self) -> None:
        """
        All connections are closed by the servers.
        """
        self.everywhere("finish")

    @row("F58", "F22")
    def test_silence(self) -> None:
        """
        No packet gets through any more; the stop that follows is bounded too.
        """
        self.everywhere("silence")

    @row("F26")
    def test_garbage(self) -> None:
        """
        Bytes arrive that are no frames.
        """
        self.everywhere("garbage")

    @row("F65")
    def test_stall(self) -> None:
        """
        The reactor stands still for as long as an attempt may take.
        """
        self.everywhere("stall")

    @row("F47")
    def test_down(self) -> None:
        """
        The brokers die.
        """
        self.everywhere("down")

    @row("F60")
    def test_raises(self) -> None:
        """
        Callbacks of the sends raise.
        """
        self.everywhere("raises")


class BlackHoleTests(SynchronousTestCase):
    """
    Stops that meet a network that is gone.
    """

    @row("F58")
    def test_stopInSilence(self) -> None:
        """
        A stop at any step after all packets began to be lost is bounded, and
        what it ends says the truth.
        """
        steps = lived(JSON, 0).steps
        random = Random(58)
        for _ in range(150):
            at = random.randrange(1, steps)
            then = (random.randrange(1, 20), "stop")
            life = lived(JSON, at, "silence", then=then)
            self.assertEqual(list(life.wrongs()), [], f"silence at {at}, {then}")
        self.assertEqual(self.flushLoggedErrors(), [])


class ByteTests(SynchronousTestCase):
    """
    The same where each byte arrives by itself, at steps drawn by seed.
    """

    @row("F20", "F21", "F58", "F59")
    def test_sliced(self) -> None:
        """
        Whatever happens between two bytes.
        """
        random = Random(20)
        steps = {each: lived(each, 0, slice=7).steps for each in (JSON, BINARY)}
        for _ in range(100):
            serializeType = random.choice([JSON, BINARY])
            at = random.randrange(1, steps[serializeType])
            action = random.choice(sorted(ACTIONS))
            life = lived(serializeType, at, action, slice=7)
            wrong = list(life.wrongs())
            wrong += [str(each) for each in self.flushLoggedErrors()]
            self.assertEqual(wrong, [], f"{action} at step {at}, {serializeType!r}")
        gc.collect()
        self.assertEqual(self.flushLoggedErrors(), [])
