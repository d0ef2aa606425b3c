"""
Sign requests for brokers with access control.

Follows Java's C{AclClientRPCHook}, C{AclUtils} and C{AclSigner}.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from txrocketmq._circuits import Circuits, isRefusal
from txrocketmq._wire.codes import RequestCode, ResponseCode, SerializeType
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.signature import (
    ACCESS_KEY,
    SECURITY_TOKEN,
    SIGNATURE,
    signature,
)
from txrocketmq.errors import BrokerError, InvalidConfiguration
from txrocketmq.interfaces import IRPCHook
from txrocketmq.settings import SessionCredentials

__all__ = ["ACCESS_KEY", "SECURITY_TOKEN", "SIGNATURE", "SigningHook", "signature"]

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

    @ivar constant: The credentials, where they are always the same.
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
        self.constant: SessionCredentials | None = None
        if isinstance(credentials, SessionCredentials):
            self.constant = credentials
        self._last: SessionCredentials | None = self.constant
        self.circuits = None if clock is None else Circuits(clock, self.current)

    def beforeRequest(self, address: str, command: RemotingCommand) -> RemotingCommand:
        """
        Give the request with its signature; one it came with is replaced.

        @raise InvalidConfiguration: When the callable gives no credentials.  What
            it raises itself fails the request as it is.
        """
        credentials = self.used()
        binary = command.serializeType == SerializeType.ROCKETMQ
        fields = {
            name: value
            for name, value in command.extFields.items()
            # In a binary header the broker takes an empty value for the text
            # "null", signs that, and refuses the request.
            if name not in _OWN and (value or not binary)
        }
        fields |= self.fieldsOf(credentials)
        fields[SIGNATURE] = signature(fields, command.body, credentials.secretKey)
        return msgspec.structs.replace(command, extFields=fields)

    def afterResponse(
        self, address: str, request: RemotingCommand, response: RemotingCommand
    ) -> None:
        """
        Remember what brokers say of the credentials; answers are not signed.
        """
        if self.circuits is None or request.code not in _SENDS:
            return
        if response.code == ResponseCode.SUCCESS and not self.circuits.open:
            return
        if self._isLast(request):
            topic = request.extFields.get("b") or request.extFields.get("topic", "")
            self._heard(address, topic, response)

    def answered(
        self,
        address: str,
        topic: str,
        credentials: SessionCredentials,
        response: RemotingCommand,
    ) -> None:
        """
        Do the same for a send that was signed elsewhere.

        @param topic: Where it was to go, with its namespace.

        @param credentials: What it was signed with.
        """
        last = self._last
        if last is not None and last.secretKey == credentials.secretKey:
            self._heard(address, topic, response)

    def _heard(self, address: str, topic: str, response: RemotingCommand) -> None:
        """
        Remember what a broker says of the credentials that were given last.
        """
        circuits = self.circuits
        if circuits is None:
            return
        if response.code == ResponseCode.SUCCESS:
            circuits.passed(address, topic)
            return
        error = BrokerError.fromResponse(response, address)
        if isRefusal(error):
            circuits.refused(address, topic, self._last, error)

    def _isLast(self, request: RemotingCommand) -> bool:
        """
        Whether a request was signed with the credentials that were given last.
        """
        fields = dict(request.extFields)
        signed = fields.pop(SIGNATURE, "")
        secretKey = "" if self._last is None else self._last.secretKey
        return signature(fields, request.body, secretKey) == signed

    def current(self) -> SessionCredentials:
        """
        The credentials to sign with now.

        @raise InvalidConfiguration: When the callable gives none.  What it raises
            itself is raised here.
        """
        given = self._credentials
        credentials = given() if callable(given) else given
        if not isinstance(credentials, SessionCredentials):
            raise InvalidConfiguration(
                "what gives the credentials must give SessionCredentials, not a "
                f"{type(credentials).__name__}"
            )
        return credentials

    def fieldsOf(self, credentials: SessionCredentials) -> dict[str, str]:
        """
        What is said of credentials beside the signature.
        """
        fields = {ACCESS_KEY: credentials.accessKey}
        if credentials.securityToken is not None:
            fields[SECURITY_TOKEN] = credentials.securityToken
        return fields

    def used(self) -> SessionCredentials:
        """
        The same, to sign something with them: they are those that were given last.
        """
        self._last = credentials = self.current()
        return credentials
