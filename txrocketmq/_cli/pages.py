"""
What the pages of C{--help} end with: how input is read, what output means.

In a note a line that begins with a blank is shown as it is.
"""

from __future__ import annotations

EXIT_STATUS = (
    "Exit status",
    (
        "0: everything was stored or found.  1: something was not.  2: wrong usage.  "
        "130 or 143: stopped by SIGINT or SIGTERM."
    ),
)


SEND_NOTES = (
    (
        "Input",
        (
            "A line ends at \\n and at nothing else; a last line without it counts.  "
            "The end of the line is not sent.  Several files are read one after the "
            "other and their lines are counted through.  Input of any length is read "
            "as fast as it is stored, in bounded memory."
        ),
    ),
    (
        "Output",
        (
            "One line for each message on standard output, in the order of the input; "
            "everything else is written to standard error.  With --json:\n"
            ' {"line": 1, "sendStatus": "SEND_OK", "msgId": "...", "offsetMsgId":\n'
            '  "...", "brokerName": "...", "queueId": 0, "queueOffset": 7}\n'
            ' {"line": 2, "error": "...", "persisted": "NO"}\n'
            "persisted says whether the message may be stored all the same: NO, MAYBE "
            "or YES.  Brokers do not answer one-way messages: with --mode oneway a "
            "message that was handed to the network has null for everything but line, "
            "and nobody knows whether it was stored."
        ),
    ),
    (
        "Modes",
        (
            "default: a failure that is surely not stored is tried again until "
            "--timeout, one that may be stored is sent again twice under the same "
            "id.  sync and async: exactly the rules of Java's sync and async send.  "
            "oneway: send and forget."
        ),
    ),
    (
        "When nothing can be reached",
        (
            "If nobody can be reached for as long as messages are tried, the lines "
            "that are left are not tried: they are reported as failed, with "
            "persisted NO."
        ),
    ),
)


SANDBOX_NOTES = (
    (
        "Output",
        (
            "The first line says where everything is:\n"
            ' {"nameServer": "127.0.0.1:9876",\n'
            '  "brokers": {"broker-a": "127.0.0.1:40961"}}'
        ),
    ),
    ("Exit status", "0: stopped by a signal.  1: could not run.  2: wrong usage."),
)
