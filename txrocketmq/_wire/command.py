"""
One request or response of the remoting protocol, as a value.
"""

from __future__ import annotations

import msgspec

from .codes import CURRENT_VERSION, LanguageCode, SerializeType

# Real headers have up to 30.  Each takes its time on the reactor's thread, and
# there is room for 100,000 in the longest header.
MAX_EXT_FIELDS = 1024

# The bits of a command's flag.
RESPONSE = 1
ONEWAY = 2

# A plain number: the hash of a member of an enumeration is a Python-level call.
_PYTHON = int(LanguageCode.PYTHON)


class RemotingCommand(msgspec.Struct, frozen=True, gc=False):
    """
    A frame's content.  Follows Java's class of the same name.

    Nothing told is one thing here, however a peer writes it: an absent, null
    or empty C{extFields} is C{{}}, an absent, null or empty remark is
    L{None}, an absent body is C{b""}.

    @ivar code: What is asked (L{RequestCode
        <txrocketmq._wire.codes.RequestCode>}) or how it went
        (L{ResponseCode<txrocketmq._wire.codes.ResponseCode>}).

    @ivar opaque: What ties a response to its request: an int32.

    @ivar serializeType: How the header was, or will be, written.
    """

    code: int
    extFields: dict[str, str] = {}
    body: bytes = b""
    remark: str | None = None
    opaque: int = 0
    flag: int = 0
    language: int = _PYTHON
    version: int = CURRENT_VERSION
    serializeType: SerializeType = SerializeType.JSON

    def __repr__(self) -> str:
        """
        Show what it is about: neither a body nor the values of C{extFields},
        among which are signatures, belong into a log.
        """
        remark = None if self.remark is None else self.remark[:100]
        return (
            f"RemotingCommand(code={self.code:d}, opaque={self.opaque}, "
            f"flag={self.flag}, remark={remark!r}, {len(self.extFields)} extFields, "
            f"body of {len(self.body)} bytes)"
        )

    @property
    def isResponse(self) -> bool:
        """
        Tell whether this answers a request.

        It is the only thing to ask: the peer counts its own opaques, and
        they are the same numbers as ours.
        """
        return self.flag & RESPONSE != 0

    @property
    def isOneway(self) -> bool:
        """
        Tell whether this is a request that must not be answered.
        """
        return self.flag & ONEWAY != 0

    def asOneway(self) -> RemotingCommand:
        """
        Give the same command, marked as one nobody answers.
        """
        return msgspec.structs.replace(self, flag=self.flag | ONEWAY)

    def response(
        self,
        code: int = 0,
        remark: str | None = None,
        extFields: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> RemotingCommand:
        """
        Make an answer to this request: its opaque, its serialisation.
        """
        return RemotingCommand(
            code,
            {} if extFields is None else extFields,
            body,
            remark,
            self.opaque,
            RESPONSE,
            serializeType=self.serializeType,
        )
