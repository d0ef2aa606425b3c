"""
Sends that nobody thought of: sizes around every threshold, text of all scripts.

The same number of sends is always the same sends.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from random import Random
from typing import Any

import attrs

from txrocketmq.message import CommunicationMode, Message, MessageQueue
from txrocketmq.producer import Producer
from txrocketmq.selectors import byHash

INDEX = "index"
"""
The property that tells the sends apart: one-way ones may be overtaken.
"""

QUEUES = 4
BROKER = "broker-a"
TOPICS = ("Like", "a|b-c_d%e", "T" * 127)

SIZES = (
    *(1, 2, 127, 128, 255, 256, 1023, 1024),
    # From 4096 bodies are compressed.
    *(4094, 4095, 4096, 4097, 4098, 8191, 8192, 32_767, 32_768),
    *(65_535, 65_536, 65_537, 131_072, 1 << 20),
)
LARGEST = 4 * 1024 * 1024
"""
The longest body a broker takes; Java does not send it if it grows by compression.
"""

LENGTHS = (1, 2, 31, 127, 128, 255, 256, 1000, 8191, 16_384, 32_000)

SCRIPTS = (
    "plain ASCII, with = ; : / and 'quotes'",
    '"quoted" \\backslash\\ </script> &amp; %s {x}',
    "\t tab, line\nend\r\n, bell\x07, escape\x1b, delete\x7f",
    "Zürich façade Łódź İstanbul ß",
    "Ελληνικά",
    "Русский текст Ѫ",
    "עברית",
    "العربية\u200f ۱۲۳",
    "हिन्दी",
    "ไทย",
    "ქართული Հայերեն",
    "አማርኛ",
    "中文 繁體 漢字",
    "日本語 カタカナ ｶﾀｶﾅ",
    "한국어",
    "a\U0001f600b \U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e8\U0001f1ed",
    "e\u0301 combining \u0f71\u0f72",
    "line\u2028and paragraph\u2029",
    "\ufeffbyte order mark \ufffd \uffff \ue000",
    "\U0010ffff \U00020000 \U0001d11e",
)

MODES = ("sync", "async", "oneway", "queue", "hash")


@attrs.frozen(kw_only=True)
class Generated:
    """
    One send.

    @ivar mode: One of C{MODES}.

    @ivar queueId: Where to, of mode C{queue}.

    @ivar argument: What is hashed, of mode C{hash}.
    """

    mode: str
    topic: str
    body: bytes
    tags: str | None
    keys: tuple[str, ...]
    flag: int
    delayLevel: int
    waitStoreMsgOK: bool
    queueId: int
    argument: str
    properties: dict[str, str]

    def line(self) -> bytes:
        """
        The send as the Java program reads it: words in base64, tabs between.
        """
        words = [
            self.mode,
            self.topic,
            self.tags or "",
            " ".join(self.keys),
            str(self.flag),
            str(self.delayLevel),
            str(self.waitStoreMsgOK).lower(),
            str(self.queueId),
            self.argument,
        ]
        pairs = [word for pair in self.properties.items() for word in pair]
        encoded = [word.encode() for word in words]
        rest = [word.encode() for word in pairs]
        return b"\t".join(map(b64encode, [*encoded, self.body, *rest]))

    def send(self, producer: Producer) -> Any:
        """
        Do it.

        @return: The Deferred of the send.
        """
        message = self._message()
        if self.mode == "oneway":
            return producer.sendOneway(message)
        if self.mode == "queue":
            queue = MessageQueue(self.topic, BROKER, self.queueId)
            return producer.send(message, queue=queue)
        if self.mode == "hash":
            return producer.send(message, selector=byHash(self.argument))
        return producer.send(message, mode=CommunicationMode(self.mode))

    def _message(self) -> Message:
        """
        The message.
        """
        return Message(
            self.topic,
            self.body,
            tags=self.tags,
            keys=self.keys,
            flag=self.flag,
            delayTimeLevel=self.delayLevel,
            waitStoreMsgOK=self.waitStoreMsgOK,
            properties=self.properties,
        )


def generated(count: int) -> list[Generated]:
    """
    So many sends, the last one answered.
    """
    random = Random(count)
    bodies = _bodies(random)
    sends = [_send(random, index, next(bodies)) for index in range(count)]
    return [*sends[:-1], attrs.evolve(sends[-1], mode="sync")]


def _send(random: Random, index: int, body: bytes) -> Generated:
    """
    One send.
    """
    return Generated(
        mode=MODES[index % len(MODES)],
        topic=random.choice(TOPICS),
        body=body,
        tags=random.choice((None, "TagA", random.choice(SCRIPTS))),
        keys=tuple(_key(random) for _ in range(random.choice((0, 0, 1, 3)))),
        flag=random.choice((0, 1, -1, 255, (1 << 31) - 1, -(1 << 31))),
        delayLevel=random.choice((0, 0, 0, 1, 3, 18)),
        waitStoreMsgOK=random.random() < 0.8,
        queueId=random.randrange(QUEUES),
        argument=random.choice(SCRIPTS) * random.randrange(3),
        properties=_properties(random, index),
    )


def _bodies(random: Random) -> Iterator[bytes]:
    """
    Bodies of every size, ones that compress well and ones that do not.
    """
    yield (b"largest " * (LARGEST // 8 + 1))[:LARGEST]
    yield (b"large " * LARGEST)[: LARGEST - 1]
    while True:
        for size in SIZES:
            text = random.choice(SCRIPTS).encode()
            yield (text * (size // len(text) + 1))[:size]
        for size in SIZES:
            yield random.randbytes(size)


def _key(random: Random) -> str:
    """
    A key, which has no blanks in it.
    """
    return "".join(random.choice(SCRIPTS).split())[: random.choice(LENGTHS)]


def _properties(random: Random, index: int) -> dict[str, str]:
    """
    Properties that a broker can keep: no other, a long one, or several.
    """
    script = SCRIPTS[index % len(SCRIPTS)]
    if index % 7 == 0:
        return {INDEX: str(index)}
    if index % 7 == 1:
        long = "v" * LENGTHS[index // 7 % len(LENGTHS)]
        return {INDEX: str(index), "long": long}
    names = {script, f"name {random.random()}", "n" * random.choice((1, 255, 256))}
    texts = {name: random.choice(SCRIPTS) for name in sorted(names)}
    return {INDEX: str(index), **texts}
