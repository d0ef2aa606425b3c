"""
Sign requests for brokers with access control.

Follows Java's C{AclClientRPCHook}, C{AclUtils} and C{AclSigner}.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Callable

import msgspec
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from txrocketmq._circuits import Circuits, isRefusal
from txrocketmq._wire.codes import RequestCode, ResponseCode, SerializeType
from txrocketmq._wire.command import RemotingCommand
from txrocketmq.errors import BrokerError, InvalidConfiguration
from txrocketmq.interfaces import IRPCHook
from txrocketmq.settings import SessionCredentials

__all__ = ["ACCESS_KEY", "SECURITY_TOKEN", "SIGNATURE", "SigningHook", "signature"]

ACCESS_KEY = "AccessKey"
SECURITY_TOKEN = "SecurityToken"
SIGNATURE = "Signature"

_OWN = frozenset({ACCESS_KEY, SECURITY_TOKEN, SIGNATURE})

_SENDS = frozenset(
    {
        RequestCode.SEND_MESSAGE,
        RequestCode.SEND_MESSAGE_V2,
        RequestCode.SEND_BATCH_MESSAGE,
    }
)


@implementer(IRPCHook)
class SigningHook:
    """
    Signs each request as the last thing that happens to it.

    It is the last hook of a client: a field another hook adds or changes after
    it makes the signature wrong.  What is signed is the ext fields and the body,
    nothing else of a command; and without TLS everybody on the way can read it,
    and send it again.

    @ivar circuits: The refusals that were met, where they are remembered.
    """

    def __init__(
        self,
        credentials: SessionCredentials | Callable[[], SessionCredentials],
        clock: IReactorTime | None = None,
    ) -> None:
        """
        @param credentials: What to sign with, or a callable that gives it, asked
            for each request: temporary credentials change.

        @param clock: Whose time it is; without it refusals are not remembered.
        """
        self._credentials = credentials
        self._last: SessionCredentials | None = None
        self.circuits = None if clock is None else Circuits(clock, self._current)

    def beforeRequest(self, address: str, command: RemotingCommand) -> RemotingCommand:
        """
        Give the request with its signature; one it came with is replaced.

        @raise InvalidConfiguration: When the callable gives no credentials.  What
            it raises itself fails the request as it is.
        """
        self._last = credentials = self._current()
        binary = command.serializeType == SerializeType.ROCKETMQ
        fields = {
            name: value
            for name, value in command.extFields.items()
            # In a binary header the broker takes an empty value for the text
            # "null", signs that, and refuses the request.
            if name not in _OWN and (value or not binary)
        }
        fields[ACCESS_KEY] = credentials.accessKey
        if credentials.securityToken is not None:
            fields[SECURITY_TOKEN] = credentials.securityToken
        fields[SIGNATURE] = signature(fields, command.body, credentials.secretKey)
        return msgspec.structs.replace(command, extFields=fields)

    def afterResponse(
        self, address: str, request: RemotingCommand, response: RemotingCommand
    ) -> None:
        """
        Remember what brokers say of the credentials; answers are not signed.
        """
        circuits = self.circuits
        if circuits is None or request.code not in _SENDS:
            return
        topic = request.extFields.get("b") or request.extFields.get("topic", "")
        if response.code == ResponseCode.SUCCESS:
            if circuits.open and self._isLast(request):
                circuits.passed(address, topic)
            return
        error = BrokerError.fromResponse(response, address)
        if isRefusal(error) and self._isLast(request):
            circuits.refused(address, topic, self._last, error)

    def _isLast(self, request: RemotingCommand) -> bool:
        """
        Whether a request was signed with the credentials that were given last.
        """
        fields = dict(request.extFields)
        signed = fields.pop(SIGNATURE, "")
        secretKey = "" if self._last is None else self._last.secretKey
        return signature(fields, request.body, secretKey) == signed

    def _current(self) -> SessionCredentials:
        """
        The credentials to sign with now.
        """
        given = self._credentials
        credentials = given() if callable(given) else given
        if not isinstance(credentials, SessionCredentials):
            raise InvalidConfiguration(
                "what gives the credentials must give SessionCredentials, not a "
                f"{type(credentials).__name__}"
            )
        return credentials


def signature(extFields: dict[str, str], body: bytes, secretKey: str) -> str:
    """
    The signature of a request's fields and body.

    @param extFields: All that will be sent, but for the signature.
    """
    # Java compares by UTF-16 units; where all is ASCII that is how we compare.
    order = None if "".join(extFields).isascii() else _units
    values = "".join([extFields[name] for name in sorted(extFields, key=order)])
    digest = hmac.digest(secretKey.encode(), values.encode() + body, "sha1")
    return b64encode(digest).decode("ascii")


def _units(name: str) -> bytes:
    """
    A name as Java has it in memory.
    """
    return name.encode("utf-16-be")
