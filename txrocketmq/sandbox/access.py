"""
Who may ask a broker something.  Follows Java's
C{DefaultAuthenticationContextBuilder} and C{DefaultAuthenticationHandler}.

What the client signs with is not used here on purpose: the sandbox is to find
the client's mistakes, not to share them.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Mapping

from txrocketmq._wire.codes import ResponseCode
from txrocketmq._wire.command import RemotingCommand

from .answers import Refused

_ACCESS_KEY = "AccessKey"
_SIGNATURE = "Signature"


class Access:
    """
    The accounts of a broker: each may do everything.
    """

    def __init__(self, credentials: Mapping[str, str]) -> None:
        """
        @param credentials: Secret keys by access key.
        """
        self._credentials = dict(credentials)

    def check(self, command: RemotingCommand) -> None:
        """
        Let a request pass.

        @raise Refused: It is not signed, by nobody known, or not as it should be.
        """
        accessKey = command.extFields.get(_ACCESS_KEY)
        if not accessKey:
            raise _denied("username cannot be null.")
        secretKey = self._credentials.get(accessKey)
        if secretKey is None:
            raise _denied(f"User:{accessKey} is not found.")
        given = command.extFields.get(_SIGNATURE, "").encode()
        if not hmac.compare_digest(given, _signature(command, secretKey)):
            raise _denied("check signature failed.")


def _signature(command: RemotingCommand, secretKey: str) -> bytes:
    """
    What the signature of a request should be.
    """
    signed = hmac.new(secretKey.encode(), digestmod="sha1")
    for name in sorted(command.extFields, key=lambda name: name.encode("utf-16-be")):
        if name != _SIGNATURE:
            signed.update(command.extFields[name].encode())
    signed.update(command.body)
    return b64encode(signed.digest())


def _denied(remark: str) -> Refused:
    """
    The refusal of a request nobody is known to have made.
    """
    return Refused(ResponseCode.NO_PERMISSION, remark)
