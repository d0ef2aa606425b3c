"""
The few administrative requests the tests need, by blocking sockets.

It shares no code with the library: what is broken there must not hide here.
"""

from __future__ import annotations

import json
import re
import socket
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

_TIMEOUT = 5.0

UPDATE_AND_CREATE_TOPIC = 17
UPDATE_BROKER_CONFIG = 25
GET_ROUTEINFO_BY_TOPIC = 105
GET_BROKER_CLUSTER_INFO = 106


class Answer(NamedTuple):
    """
    What a server said.
    """

    code: int
    remark: str | None
    body: bytes


class Refused(Exception):
    """
    A server answered a request with an error.
    """


def ask(
    address: str,
    code: int,
    extFields: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Answer:
    """
    Ask a server one thing on a connection of its own.

    @raise OSError: It cannot be reached, hung up, or took too long.
    """
    fields = {
        "code": code,
        "language": "OTHER",
        "version": 401,
        "opaque": 1,
        "flag": 0,
        "extFields": dict(extFields or {}),
    }
    header = json.dumps(fields).encode()
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), _TIMEOUT) as connection:
        size = 4 + len(header) + len(body)
        connection.sendall(struct.pack(">ii", size, len(header)) + header + body)
        with connection.makefile("rb") as stream:
            frame = _exactly(stream, *struct.unpack(">i", _exactly(stream, 4)))
    end = 4 + (int.from_bytes(frame[:4], "big") & 0xFFFFFF)
    answer = json.loads(frame[4:end])
    return Answer(answer["code"], answer.get("remark"), frame[end:])


def createTopic(broker: str, topic: str, queues: int) -> None:
    """
    Create a topic on one broker, or change how many queues it has there.

    @raise Refused: The broker would not.
    """
    fields = {
        "topic": topic,
        "defaultTopic": "TBW102",
        "readQueueNums": str(queues),
        "writeQueueNums": str(queues),
        "perm": "6",
        "topicFilterType": "SINGLE_TAG",
        "topicSysFlag": "0",
        "order": "false",
        "attributes": "",
    }
    _demand(ask(broker, UPDATE_AND_CREATE_TOPIC, fields))


def registerNow(broker: str) -> None:
    """
    Make a broker register with its name servers at once.

    A 5.x broker now and then skips the registration at its start and would do
    the next one ten seconds later; a change of its permission does not wait.

    @raise Refused: The broker would not.
    """
    _demand(ask(broker, UPDATE_BROKER_CONFIG, body=b"brokerPermission=6\n"))


def brokerNames(nameServer: str) -> set[str]:
    """
    The brokers a name server knows.
    """
    answer = _demand(ask(nameServer, GET_BROKER_CLUSTER_INFO))
    return set(_loadBody(answer.body)["brokerAddrTable"])


def routedQueues(nameServer: str, topic: str) -> dict[str, int]:
    """
    How many queues of a topic can be written on each broker, as a name server
    has it.
    """
    answer = ask(nameServer, GET_ROUTEINFO_BY_TOPIC, {"topic": topic})
    if answer.code:
        return {}
    queues = _loadBody(answer.body)["queueDatas"]
    return {each["brokerName"]: each["writeQueueNums"] for each in queues}


def _demand(answer: Answer) -> Answer:
    """
    Pass an answer on if it is a success.
    """
    if answer.code:
        raise Refused(f"code {answer.code}: {answer.remark}")
    return answer


def _loadBody(body: bytes) -> Any:
    """
    Parse a name server's JSON, in which integer keys may lack their quotes.
    """
    return json.loads(re.sub(rb"([{,])(\d+):", rb'\1"\2":', body))


def _exactly(stream: Any, count: int) -> bytes:
    """
    Read so many bytes.
    """
    data: bytes = stream.read(count)
    if len(data) < count:
        raise ConnectionError("closed in the middle of an answer")
    return data
