"""
Messages and settings as a scenario describes them, made with our names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from txrocketmq.message import Message, Selector
from txrocketmq.remoting import SerializeType
from txrocketmq.selectors import byHash
from txrocketmq.settings import (
    Batching,
    ClientSettings,
    ProducerSettings,
    SessionCredentials,
)

from .scenarios import Record

PRODUCER = (
    "compressMsgBodyOverHowmuch",
    "compressType",
    "createTopicKey",
    "defaultTopicQueueNums",
    "maxMessageSize",
    "retryTimesWhenSendFailed",
    "topics",
)
CLIENT = (
    "clientIP",
    "instanceName",
    "namespace",
    "namespaceV2",
    "unitMode",
    "unitName",
)
CREDENTIALS = ("accessKey", "secretKey", "securityToken")
BATCHING = ("autoBatch", "batchMaxDelayMs")

BINARY = "-Drocketmq.serialize.type=ROCKETMQ"
LONG_HEADER = "-Dorg.apache.rocketmq.client.sendSmartMsg=false"
IPV4 = "-Djava.net.preferIPv4Stack=true"

COPIED: dict[str, Callable[[Any], Any]] = {
    "tags": str,
    "keys": tuple,
    "flag": int,
    "delayLevel": int,
    "waitStoreMsgOK": bool,
    "delayTimeSec": float,
    "delayTimeMs": lambda millis: millis / 1000,
}
NAMES = {
    "delayLevel": "delayTimeLevel",
    "delayTimeSec": "deliverAfter",
    "delayTimeMs": "deliverAfter",
}


def producerSettings(inputs: Record) -> ProducerSettings:
    """
    The settings of a scenario's producer.
    """
    smart = LONG_HEADER not in inputs.get("jvm", ())
    config = inputs["config"]
    batching = Batching() if config.get("autoBatch") else None
    return ProducerSettings(
        **_chosen(config, PRODUCER), sendSmartMsg=smart, batching=batching
    )


def clientSettings(inputs: Record) -> ClientSettings:
    """
    The settings of a scenario's client.

    @raise ValueError: When it has one that we do not have.
    """
    config, jvm = inputs["config"], set(inputs.get("jvm", ()))
    options = _chosen(config, CLIENT)
    unknown = jvm - {BINARY, IPV4, LONG_HEADER}
    unknown |= config.keys() - {*PRODUCER, *CLIENT, *CREDENTIALS, *BATCHING}
    if unknown:
        raise ValueError(f"nothing is like {unknown}")
    if BINARY in jvm:
        options["serializeType"] = SerializeType.ROCKETMQ
    if "accessKey" in config:
        options["credentials"] = SessionCredentials(**_chosen(config, CREDENTIALS))
    return ClientSettings(**options)


def messageOf(given: Record, now: float) -> Message:
    """
    A scenario's message.

    @param now: The time, in epoch seconds.
    """
    options: dict[str, Any] = {
        NAMES.get(name, name): make(given[name])
        for name, make in COPIED.items()
        if name in given
    }
    if "deliverAfterMs" in given:
        options["deliverAt"] = now + given["deliverAfterMs"] / 1000
    raw = given.get("rawProperties", {})
    # Declared: what Java's back door takes and we refuse.
    taken = {k: v for k, v in raw.items() if v}
    properties = given.get("properties", {}) | taken
    return Message(
        given["topic"], bodyOf(given["body"]), properties=properties, **options
    )


def bodyOf(given: Any) -> Any:
    """
    A scenario's body; what is no body stays as it is.
    """
    if isinstance(given, str):
        return given.encode()
    if not isinstance(given, dict):
        return given
    if "hex" in given:
        return bytes.fromhex(given["hex"])
    size = given["size"]
    if "fill" in given:
        return bytes([given["fill"]]) * size
    text, at = "", 0
    while len(text) < size:
        text, at = text + given["line"] % at, at + 1
    return text[:size].encode()


def selectorOf(step: Record) -> Selector:
    """
    A scenario's selector.
    """
    if step["selector"] == "hash":
        return byHash(step["arg"]["value"])
    return lambda queues, message: None  # type: ignore[return-value]  # what is tried


def _chosen(config: Record, names: tuple[str, ...]) -> Record:
    """
    Those of several settings that are given.
    """
    return {name: config[name] for name in names if name in config}
