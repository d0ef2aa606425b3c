"""
The few administrative requests the tests need, by blocking sockets.

It shares no code with the library: what is broken there must not hide here.
"""

from __future__ import annotations

import hmac
import json
import re
import socket
import ssl
import struct
from base64 import b64encode
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


class Access(NamedTuple):
    """
    How servers are reached that do not take everything from everybody.

    @ivar tls: Whether by TLS; nobody's certificate is checked.

    @ivar accessKey: What requests are signed with, together with

    @ivar secretKey: this; empty where they are not signed.
    """

    tls: bool = False
    accessKey: str = ""
    secretKey: str = ""

    def signed(self, fields: Mapping[str, str], body: bytes) -> dict[str, str]:
        """
        The fields of a request, with its signature if it needs one.
        """
        if not self.accessKey:
            return dict(fields)
        named = {**fields, "AccessKey": self.accessKey}
        text = "".join(named[name] for name in sorted(named)).encode() + body
        digest = hmac.digest(self.secretKey.encode(), text, "sha1")
        return {**named, "Signature": b64encode(digest).decode()}

    def connect(self, address: str) -> socket.socket:
        """
        Connect to a server.

        @raise OSError: It cannot be reached.
        """
        host, port = address.rsplit(":", 1)
        connection = socket.create_connection((host, int(port)), _TIMEOUT)
        if not self.tls:
            return connection
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context.wrap_socket(connection)


OPEN = Access()


class Refused(Exception):
    """
    A server answered a request with an error.
    """


def ask(
    address: str,
    code: int,
    extFields: Mapping[str, str] | None = None,
    body: bytes = b"",
    access: Access = OPEN,
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
        "extFields": access.signed(extFields or {}, body),
    }
    header = json.dumps(fields).encode()
    with access.connect(address) as connection:
        size = 4 + len(header) + len(body)
        connection.sendall(struct.pack(">ii", size, len(header)) + header + body)
        with connection.makefile("rb") as stream:
            frame = _exactly(stream, *struct.unpack(">i", _exactly(stream, 4)))
    end = 4 + (int.from_bytes(frame[:4], "big") & 0xFFFFFF)
    answer = json.loads(frame[4:end])
    return Answer(answer["code"], answer.get("remark"), frame[end:])


def createTopic(broker: str, topic: str, queues: int, access: Access = OPEN) -> None:
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
    _demand(ask(broker, UPDATE_AND_CREATE_TOPIC, fields, access=access))


def registerNow(broker: str, access: Access = OPEN) -> None:
    """
    Make a broker register with its name servers at once.

    A 5.x broker now and then skips the registration at its start and would do
    the next one ten seconds later; a change of its permission does not wait.

    @raise Refused: The broker would not.
    """
    change = b"brokerPermission=6\n"
    _demand(ask(broker, UPDATE_BROKER_CONFIG, body=change, access=access))


def brokerNames(nameServer: str, access: Access = OPEN) -> set[str]:
    """
    The brokers a name server knows.
    """
    answer = _demand(ask(nameServer, GET_BROKER_CLUSTER_INFO, access=access))
    return set(_loadBody(answer.body)["brokerAddrTable"])


def routedQueues(nameServer: str, topic: str, access: Access = OPEN) -> dict[str, int]:
    """
    How many queues of a topic can be written on each broker, as a name server
    has it.
    """
    answer = ask(nameServer, GET_ROUTEINFO_BY_TOPIC, {"topic": topic}, access=access)
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
