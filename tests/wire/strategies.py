"""
Anything there can be on the wire, for Hypothesis.
"""

from __future__ import annotations

import msgspec
from hypothesis import strategies as st

from txrocketmq._wire.codes import LanguageCode, SerializeType
from txrocketmq._wire.command import RemotingCommand
from txrocketmq._wire.frames import FrameBuffer

INT16 = st.integers(-(2**15), 2**15 - 1)
INT32 = st.integers(-(2**31), 2**31 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)

# Property names and values: what cannot be confused with a separator.
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x01\x02"), min_size=1)
PROPERTIES = st.dictionaries(WORDS, WORDS, max_size=5)

# No empty texts: they are not the same thing in both serialisations.
TEXTS = st.text(min_size=1, max_size=20)

COMMANDS = st.builds(
    RemotingCommand,
    code=INT16,
    extFields=st.dictionaries(TEXTS, TEXTS, max_size=6),
    body=st.binary(max_size=100),
    remark=st.none() | TEXTS,
    opaque=INT32,
    flag=INT32,
    language=st.sampled_from(LanguageCode),
    version=INT16,
    serializeType=st.sampled_from(SerializeType),
)


def inSerialisation(command: RemotingCommand, kind: SerializeType) -> RemotingCommand:
    """
    Give a command as it would be in the other serialisation.
    """
    return msgspec.structs.replace(command, serializeType=kind)


def decode(data: bytes) -> RemotingCommand:
    """
    Read the one frame that the bytes must be.
    """
    buffer = FrameBuffer()
    commands = buffer.feed(data)
    if buffer.error is not None:
        raise buffer.error
    if len(commands) != 1 or buffer.pending:
        raise AssertionError(f"not one frame: {commands}, {buffer.pending} bytes left")
    return commands[0]
