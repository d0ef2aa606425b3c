"""
C{POST /v1/topics/TOPIC/messages}: one body, one message.

Laws:

    - 200 says that a broker has stored the message, and nothing else does.

    - Nothing of a request is in its answer.
"""

from __future__ import annotations

from collections.abc import Iterator

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers
from twisted.web.server import Request

from txrocketmq import Message, SendResult
from txrocketmq._sending.validate import checkMessage, checkTopic
from txrocketmq.errors import InvalidMessage, RocketMQError
from txrocketmq.relay.answers import STOPPING, UNEXPECTED, Answer, problem, sent, unsent
from txrocketmq.relay.desk import Desk

OURS = b"x-rocketmq-"
TAGS = "x-rocketmq-tags"
KEYS = "x-rocketmq-keys"
PROPERTY = "x-rocketmq-property-"
"""
The headers that describe a message.  Names of headers have no case, so the names
of properties that come in them are lower-case.
"""

STRUCTURED = {b"application/json", b"application/x-ndjson"}
"""
The content types whose bodies are not one message's bytes.
"""

OWN_TOPICS = ("%", "rmq_sys_", "RMQ_SYS_")
"""
How the names of topics begin that brokers keep for themselves and for consumers.
"""

BROWSER = problem(403, "forbidden", "web pages may not send messages")
UNSUPPORTED = problem(
    415, "unsupported", "one message's bytes are taken, neither JSON nor encoded ones"
)
BAD_ACK = problem(400, "bad_ack", "ack must be broker")
BAD_TOPIC = problem(422, "invalid_topic", "the topic's name is not a legal one")
EMPTY = problem(422, "invalid_message", "the body is empty")
BAD_METADATA = problem(
    422, "invalid_message", "the tags, keys or properties cannot be stored as they are"
)
POST_ONLY = problem(405, "method_not_allowed", "POST a message here", allow=b"POST")


class Ingest:
    """
    Makes messages of requests, and answers of what becomes of them.
    """

    _log = Logger()

    def __init__(self, desk: Desk) -> None:
        """
        @param desk: Where messages are taken in.
        """
        self._desk = desk

    def take(self, topic: bytes, request: Request) -> Answer | None:
        """
        Take a message in.

        @param topic: Its topic, as it was in the address.

        @return: The answer; L{None} when it is given as soon as it is known.
        """
        wrong = self._refusal(request)
        if wrong is not None:
            return wrong
        message = _message(topic, request)
        if isinstance(message, Answer):
            return message
        Deferred.fromCoroutine(self._serve(request, message))
        return None

    def _refusal(self, request: Request) -> Answer | None:
        """
        Why a request is not looked at, if it is not.
        """
        if request.method != b"POST":
            return POST_ONLY
        if self._desk.closed:
            return STOPPING
        if request.getHeader(b"origin") is not None:
            return BROWSER
        if request.args.get(b"ack", [b"broker"]) != [b"broker"]:
            return BAD_ACK
        kind = (request.getHeader(b"content-type") or b"").split(b";")[0]
        encoded = request.getHeader(b"content-encoding") is not None
        if encoded or kind.strip().lower() in STRUCTURED:
            return UNSUPPORTED
        return None

    async def _serve(self, request: Request, message: Message) -> None:
        """
        Send a message, and answer when it has ended.
        """
        sending = self._desk.send(message)
        gone: list[Failure] = []

        def leave(reason: Failure) -> None:
            gone.append(reason)
            sending.cancel()

        request.notifyFinish().addErrback(leave)
        answer = await self._answer(sending)
        if not gone:
            request.write(answer.write(request))
            request.finish()

    async def _answer(self, sending: Deferred[SendResult]) -> Answer:
        """
        The answer for a send, when it has ended.
        """
        try:
            return sent(await sending)
        except InvalidMessage:
            return BAD_METADATA
        except RocketMQError as error:
            return unsent(error)
        except CancelledError:
            return STOPPING
        except Exception:
            self._log.failure("A send ended in an unforeseen way")
            return UNEXPECTED


def _message(topic: bytes, request: Request) -> Message | Answer:
    """
    The message a request holds, or why there is none.
    """
    body = request.content.read() if request.content else b""
    if not isTopic(topic):
        return BAD_TOPIC
    if not body:
        return EMPTY
    try:
        return messageOf(topic.decode("ascii"), body, request.requestHeaders)
    except InvalidMessage:
        return BAD_METADATA


def isTopic(name: bytes) -> bool:
    """
    Whether messages may be sent to a topic of this name.
    """
    try:
        text = name.decode("ascii")
        checkTopic(text)
    except (InvalidMessage, UnicodeDecodeError):
        return False
    return not text.startswith(OWN_TOPICS)


def messageOf(topic: str, body: bytes, headers: Headers) -> Message:
    """
    The message that a body and its headers are.

    @raise InvalidMessage: When it could not be sent, but for its topic.
    """
    tags: str | None = None
    keys: list[str] = []
    properties: dict[str, str] = {}
    for name, value in _metadata(headers):
        if name == TAGS:
            tags = value
        elif name == KEYS:
            keys = value.split()
        elif name.startswith(PROPERTY):
            properties[name.removeprefix(PROPERTY)] = value
    message = Message(topic, body, tags=tags, keys=keys, properties=properties or None)
    checkMessage(message, len(body))
    return message


def _metadata(headers: Headers) -> Iterator[tuple[str, str]]:
    """
    The headers as text, their names in lower case.

    @raise InvalidMessage: When one of ours is there twice, or is not text.
    """
    for name, values in headers.getAllRawHeaders():
        lowered = name.lower()
        if lowered.startswith(OURS):
            if len(values) > 1:
                raise InvalidMessage("a header is there twice")
            try:
                yield lowered.decode("ascii"), values[0].decode("utf-8")
            except UnicodeDecodeError:
                raise InvalidMessage("a header is not UTF-8") from None
