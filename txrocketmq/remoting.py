"""
The remoting protocol: what hooks are given and the sandbox hands out.

The other names of the wire are not public.
"""

from __future__ import annotations

from txrocketmq._wire.codes import (
    LanguageCode,
    RequestCode,
    ResponseCode,
    SerializeType,
)
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.frames import FrameBuffer

__all__ = [
    "FrameBuffer",
    "LanguageCode",
    "RemotingCommand",
    "RequestCode",
    "ResponseCode",
    "SerializeType",
]
