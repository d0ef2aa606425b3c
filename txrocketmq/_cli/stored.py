"""
What brokers have stored, as a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs

from txrocketmq._cli.table import Column, Palette, tableLines
from txrocketmq._cli.text import printable
from txrocketmq.sandbox import StoredMessage

ROOMY = 110
"""
The columns from which on ids are shown whole.
"""

ID_END = 8
"""
The last characters of an id: those that differ in the ids of one process.
"""

UNKNOWN = "-"


@attrs.frozen
class Sent:
    """
    A message as its sender knows it.

    @ivar call: What sent it.

    @ivar attempts: How many tries it took; L{None} when nobody answers.
    """

    call: str
    attempts: int | None


def storedLines(
    stored: Sequence[StoredMessage],
    brokerNames: Mapping[str, str],
    sent: Mapping[bytes, Sent],
    width: int,
    palette: Palette,
) -> Iterator[str]:
    """
    A table of stored messages.

    @param brokerNames: The brokers by their addresses.

    @param sent: What is known of each message, by its body.

    @param width: The columns it may take.
    """
    idWidth = 32 if width >= ROOMY else ID_END + 1

    def tries(text: str) -> str:
        return text if text.strip() in ("1", UNKNOWN) else palette.notable(text)

    columns = (
        Column("TOPIC"),
        Column("QUEUE", colour=palette.good),
        Column("OFFSET", right=True),
        Column("MSGID", colour=palette.dim),
        Column("SENT BY"),
        Column("TRIES", right=True, colour=tries),
        Column("BODY", least=10, colour=palette.bold),
    )
    rows = [_row(message, brokerNames, sent, idWidth) for message in stored]
    return tableLines(columns, rows, width, palette)


def _row(
    message: StoredMessage,
    brokerNames: Mapping[str, str],
    sent: Mapping[bytes, Sent],
    idWidth: int,
) -> tuple[str, ...]:
    """
    One message's cells.
    """
    known = sent.get(message.body)
    msgId = message.msgId
    if len(msgId) > idWidth:
        msgId = f"…{msgId[1 - idWidth :]}"
    return (
        printable(message.topic),
        f"{brokerNames.get(message.storeHost, message.storeHost)}:{message.queueId}",
        str(message.queueOffset),
        msgId,
        known.call if known else UNKNOWN,
        str(known.attempts) if known and known.attempts else UNKNOWN,
        printable(message.body.decode("utf-8", "backslashreplace")),
    )
