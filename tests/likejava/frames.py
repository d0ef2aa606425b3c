"""
What is the same in two frames.

Follows the section C{Comparing} of C{tests/vectors/README.md}.

Laws:

    - A frame is compared field by field, as maps where the order of a map's pairs
      means nothing.  What varies from run to run must have its shape.

    - What is not the same is declared, and noted where it occurs, or it is wrong.
"""

from __future__ import annotations

import hmac
import json
import re
from base64 import b64encode, urlsafe_b64decode
from collections.abc import Mapping
from typing import Any

import attrs

from txrocketmq._wire.records import decodeBatch

from .scenarios import Seen

TIME = re.compile(r"1[0-9]{12}\Z")
UNIQUE_ID = re.compile(r"(?:[0-9A-F]{32}|[0-9A-F]{56})\Z")
CLIENT_ID = re.compile(
    r"(?:[0-9.]+|\[[0-9a-f:%]+\])@(?:[0-9]+#[0-9]+|(?P<own>[a-z]+))(?P<unit>@\w+)?\Z"
)
QUEUES = 8
"""
The most queues of a topic here.
"""

LONG_SEND = 10

# All that our batches say of themselves.
BATCH_PROPERTIES = {"WAIT", "INSTANCE_ID"}
HEART_BEAT = 34
ROUTE = 105
"""
What of a consumer's attempts is in a message to a retry topic, and in its header.
"""

SHORT = {
    "producerGroup": "a",
    "topic": "b",
    "defaultTopic": "c",
    "defaultTopicQueueNums": "d",
    "queueId": "e",
    "sysFlag": "f",
    "bornTimestamp": "g",
    "flag": "h",
    "properties": "i",
    "reconsumeTimes": "j",
    "unitMode": "k",
    "maxReconsumeTimes": "l",
    "batch": "m",
    "bname": "n",
}
"""
The names of a long send header, and those of a short one.
"""

INNER = "CLIENT_INNER_PRODUCER"


@attrs.frozen
class Rules:
    """
    How the frames of one scenario are compared.

    @ivar isOld: Whether the Java client is of release 4.9.7.

    @ivar secret: What requests are signed with.

    @ivar queueGiven: Whether the queue is no chance.

    @ivar noted: The declared differences that occurred.
    """

    isOld: bool
    secret: str = ""
    queueGiven: bool = False
    noted: set[str] = attrs.field(factory=set)

    def compare(self, java: Seen, ours: Seen) -> list[str]:
        """
        What is not the same in two requests, and not declared.
        """
        return [
            *self._unlike("code", java.code, ours.code),
            *self._unlike("flag", java.flag, ours.flag),
            *self._unlike("serializeType", java.serializeType, ours.serializeType),
            *self._unlike("remark", java.remark, ours.remark),
            *self._identities(java, ours),
            *self._fields(java, ours),
            *self._bodies(java, ours),
        ]

    def _unlike(self, what: str, java: object, ours: object) -> list[str]:
        """
        Name what is not equal.
        """
        return [] if java == ours else [f"{what}: Java's {java!r}, ours {ours!r}"]

    def _identities(self, java: Seen, ours: Seen) -> list[str]:
        """
        Compare who says that it sent them.
        """
        wrong = []
        if (java.language, ours.language) == ("JAVA", "PYTHON"):
            self.noted.add("language")
        else:
            wrong = self._unlike("language", java.language, ours.language)
        if self.isOld and (java.version, ours.version) == (407, 513):
            self.noted.add("release")
            return wrong
        return wrong + self._unlike("version", java.version, ours.version)

    def _fields(self, java: Seen, ours: Seen) -> list[str]:
        """
        Compare C{extFields}.
        """
        theirs, own = dict(java.extFields), dict(ours.extFields)
        if java.code == LONG_SEND:
            # The same fields under other names.
            theirs, own = _shortNames(theirs), _shortNames(own)
        if java.code == ROUTE and own.pop("acceptStandardJsonOnly", "") == "true":
            self.noted.add("standardJson")
        wrong = self._unlike("names", sorted(theirs), sorted(own))
        for name in theirs.keys() & own.keys():
            wrong += self._field(name, theirs, own)
        return wrong + self._signed(java) + self._signed(ours)

    def _field(
        self, name: str, java: Mapping[str, str], our: Mapping[str, str]
    ) -> list[str]:
        """
        Compare one of the fields that both have.  Those of one letter are sends'.
        """
        theirs, own = java[name], our[name]
        if name == "Signature":
            return []
        if name == "i":
            return self._properties(propertiesOf(theirs), propertiesOf(own))
        if name == "g":
            return shaped(name, TIME, theirs, own)
        if name == "e" and not self.queueGiven:
            valid = all(queue in map(str, range(QUEUES)) for queue in (theirs, own))
            return [] if valid else [f"queueId: {theirs} and {own}"]
        if name == "clientID":
            return self._clientIds(theirs, own)
        if name == "recallHandle":
            return self._handles(theirs, own)
        return self._unlike(name, theirs, own)

    def _signed(self, seen: Seen) -> list[str]:
        """
        Make a request's signature again.
        """
        if "Signature" not in seen.extFields:
            return []
        fields = {k: v for k, v in seen.extFields.items() if k != "Signature"}
        text = "".join(fields[name] for name in sorted(fields)).encode()
        assert seen.body is not None
        digest = hmac.digest(self.secret.encode(), text + seen.body, "sha1")
        right = b64encode(digest).decode()
        return self._unlike("Signature", right, seen.extFields["Signature"])

    def _clientIds(self, java: str, ours: str) -> list[str]:
        """
        Compare the parts of C{clientID}s that are no chance.
        """
        wrong = shaped("clientID", CLIENT_ID, java, ours)
        if wrong:
            return wrong
        parts = [CLIENT_ID.match(each).groupdict() for each in (java, ours)]  # type: ignore[union-attr]
        return self._unlike("clientID", *parts)

    def _handles(self, java: str, ours: str) -> list[str]:
        """
        Compare recall handles: version, topic and broker; a time and an id.
        """
        theirs, own = (
            urlsafe_b64decode(each).decode().split() for each in (java, ours)
        )
        return [
            *self._unlike("recallHandle", theirs[:3], own[:3]),
            *shaped("recallHandle", TIME, theirs[3], own[3]),
            *shaped("recallHandle", UNIQUE_ID, theirs[4], own[4]),
        ]

    def _properties(self, java: dict[str, str], ours: dict[str, str]) -> list[str]:
        """
        Compare the properties of a message.
        """
        theirs, own = self._leveled(dict(java), dict(ours))
        wrong = self._unlike("property names", sorted(theirs), sorted(own))
        for name in theirs.keys() & own.keys():
            pattern = {"UNIQ_KEY": UNIQUE_ID, "TIMER_DELIVER_MS": TIME}.get(name)
            if pattern is not None:
                wrong += shaped(name, pattern, theirs[name], own[name])
            else:
                wrong += self._unlike(name, theirs[name], own[name])
        return wrong

    def _leveled(
        self, theirs: dict[str, str], own: dict[str, str]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """
        Take from two messages' properties what is declared not to be the same.
        """
        for name in [name for name in theirs.keys() - own.keys() if not theirs[name]]:
            del theirs[name]
            self.noted.add("emptyProperty")
        if "BUYER_ID" not in own and theirs.pop("BUYER_ID", ""):
            self.noted.add("buyerId")
        if own.keys() <= BATCH_PROPERTIES and theirs.pop("UNIQ_KEY", ""):
            self.noted.add("batchId")
            for name in ("KEYS", "TAGS"):
                theirs.pop(name, "")
        if "TIMER_DELAY_SEC" in theirs and "TIMER_DELAY_MS" in own:
            theirs["TIMER_DELAY_MS"] = theirs.pop("TIMER_DELAY_SEC") + "000"
            self.noted.add("delayInMillis")
        return theirs, own

    def _bodies(self, java: Seen, ours: Seen) -> list[str]:
        """
        Compare bodies.
        """
        if java.body is not None and ours.body is not None:
            if java.code == HEART_BEAT:
                return self._heartbeats(json.loads(java.body), json.loads(ours.body))
            if java.extFields.get("m") == "true":
                return self._batches(java.body, ours.body)
        if java.digest == ours.digest:
            return []
        return [f"body: Java's {_shown(java.body)}, ours {_shown(ours.body)}"]

    def _batches(self, java: bytes, ours: bytes) -> list[str]:
        """
        Compare batches, message by message.
        """
        theirs, own = decodeBatch(java), decodeBatch(ours)
        wrong = self._unlike("batch of", len(theirs), len(own))
        for one, other in zip(theirs, own, strict=False):
            wrong += self._unlike("body", one.body, other.body)
            wrong += self._unlike("flag", one.flag, other.flag)
            wrong += self._properties(
                propertiesOf(one.properties), propertiesOf(other.properties)
            )
        return wrong

    def _heartbeats(self, java: dict[str, Any], ours: dict[str, Any]) -> list[str]:
        """
        Compare heartbeats.
        """
        theirs, own = dict(java), dict(ours)
        wrong = self._clientIds(theirs.pop("clientID"), own.pop("clientID"))
        groups = {each["groupName"] for each in theirs.pop("producerDataSet")}
        if INNER in groups:
            groups.remove(INNER)
            self.noted.add("innerProducer")
        wrong += self._unlike(
            "groups",
            sorted(groups),
            sorted(each["groupName"] for each in own.pop("producerDataSet")),
        )
        if self.isOld and own.pop("heartbeatFingerprint", None) == 0:
            own.pop("withoutSub")
            self.noted.add("release")
        return wrong + self._unlike("heartbeat", theirs, own)


def propertiesOf(text: str) -> dict[str, str]:
    """
    The properties of a text as it was written, empty values included.
    """
    pairs = [pair.split("\x01") for pair in text.split("\x02") if pair]
    properties = dict(pairs)
    if len(properties) != len(pairs):
        raise ValueError(f"a property is there twice: {text!r}")
    return properties


def _shortNames(fields: dict[str, str]) -> dict[str, str]:
    """
    The fields of a send with a long header, under the names of a short one.
    """
    return {SHORT.get(name, name): value for name, value in fields.items()}


def shaped(what: str, pattern: re.Pattern[str], *values: str) -> list[str]:
    """
    Name those of several values that do not have their shape.
    """
    return [f"{what}: {value!r}" for value in values if not pattern.match(value)]


def _shown(body: bytes | None) -> str:
    """
    What of a body fits into a message.
    """
    return "not kept" if body is None else f"{len(body)} bytes {body[:40]!r}"
