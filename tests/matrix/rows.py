"""
The rows of the fault matrix, sections A to F of the delivery contract.

Levels are those of the contract: B{U} virtual time without sockets, B{D} real
loopback, B{P} through the chaos proxy of L{tests.matrix.proxy}, B{X} separate
processes, B{N} network namespaces, B{R} a real RocketMQ.  There are no network
namespaces where these tests run: a row of level N is proved through the proxy, or
by a network in memory that loses what the row loses, and its level says so.
"""

from __future__ import annotations

import attrs

SECTIONS = {
    "A": "Connecting and naming",
    "B": "Bytes on the wire",
    "C": "Correlation and spoofing",
    "D": "Routes and brokers",
    "E": "Life cycle and local resources",
    "F": "The daemon",
}
"""
What the rows are about.
"""


@attrs.frozen
class Row:
    """
    A fault and what must come of it.

    @ivar id: How the contract calls it.

    @ivar section: Which of L{SECTIONS} it belongs to.

    @ivar level: How it is proved here.

    @ivar promise: What must come of it.
    """

    id: str
    section: str
    level: str
    promise: str


ROWS = (
    Row("F01", "A", "U D", "refused: NO, next broker at once, no busy loop"),
    Row("F02", "A", "U, memory for N", "SYN swallowed: NO after connectTimeout"),
    Row("F03", "A", "U P X", "taken, never answered: MAYBE, siblings go on"),
    Row("F04", "A", "D", "accept queue full: NO after connectTimeout"),
    Row("F05", "A", "U", "no such name: NO, last good addresses for a while"),
    Row("F06", "A", "U", "DNS hangs: connectTimeout, one lookup for a name"),
    Row("F07", "A", "U D", "several or other addresses: the one that answers"),
    Row("F08", "A", "U", "one name server dead: the other, unnoticed"),
    Row("F09", "A", "U", "all name servers dead: sends go on by known routes"),
    Row("F10", "A", "U", "none and no route: NO, NoNameServer, in time"),
    Row("F11", "A", "U", "name servers return: used within two seconds"),
    Row("F12", "A", "U", "senseless or forbidden routes: refused, not connected"),
    Row("F13", "A", "U", "address server of no use: the last list stays"),
    Row("F14", "A", "D", "certificate of no use: TLSFailed, nothing written"),
    Row("F15", "A", "D", "no TLS there, or half a handshake: failed in time"),
    Row("F16", "A", "D", "no close_notify: lost, never a cut frame taken"),
    Row("F17", "A", "D", "client certificate refused late: MAYBE, never NO"),
    Row("F18", "A", "U", "flapping: at most twelve tries a minute, spread"),
    Row("F19", "A", "U P, both for N", "silently dead: noticed, sends retry"),
    Row("F20", "B", "U P", "reset inside a frame: all MAYBE at once"),
    Row("F21", "B", "U P", "FIN after half a frame: the same, part discarded"),
    Row("F22", "B", "U", "half a frame, then silence: dropped after a while"),
    Row("F23", "B", "U", "impossible lengths: dropped before allocating"),
    Row("F24", "B", "U", "impossible header lengths: dropped"),
    Row("F25", "B", "U", "unknown serialisation: dropped"),
    Row("F26", "B", "U", "garbage JSON: one error, and quickly"),
    Row("F27", "B", "U", "garbage binary header: one error"),
    Row("F28", "B", "U P", "slow drip: until the frame's time, linear"),
    Row("F29", "B", "U", "many small frames: no recursion, short turns"),
    Row("F30", "B", "U", "decompression bomb: costs its limit only"),
    Row("F30b", "B", "U P", "peer never reads: paused, bounded, NO unless written"),
    Row("F31", "C", "U", "answers to nothing: borne, then the end"),
    Row("F32", "C", "U", "an answer twice: once"),
    Row("F33", "C", "U", "a late answer: counted, nothing more"),
    Row("F34", "C", "U", "the wrong connection's answer: nobody's"),
    Row("F35", "C", "U", "opaques wrap, and pass over those in use"),
    Row("F36", "C", "U", "odd flags: the response bit decides"),
    Row("F37", "C", "U", "an answer to a oneway request: dropped"),
    Row("F38", "C", "U", "an unreadable success: YES, never sent again"),
    Row("F39", "C", "U", "an unknown request: code 3, same opaque"),
    Row("F40", "C", "U", "a flood of requests: so many a second, sends go on"),
    Row("F41", "C", "U", "transaction checks nobody understands: ignored"),
    Row("F42", "C", "U", "an answer before its request: the end"),
    Row("F43", "D", "U", "a known topic is forgotten: its route stays a while"),
    Row("F44", "D", "U", "nowhere to write: NO, looked up each second"),
    Row("F45", "D", "U", "a master moves: found within a second"),
    Row("F46", "D", "U X", "a restart: used again within 1.5 s"),
    Row("F47", "D", "U X", "killed again and again: nothing acked is lost"),
    Row("F48", "D", "U X", "stopped and resumed: others meanwhile, late acks"),
    Row("F49", "D", "U", "the only broker: tried until the deadline"),
    Row("F50", "D", "U D", "a slow broker: no storm, others unaffected"),
    Row("F51", "D", "U P, both for N", "answers are lost: declared copies only"),
    Row("F52", "D", "U", "each response code: as the table says"),
    Row("F53", "D", "U", "weak statuses: as the setting says"),
    Row("F54", "D", "U", "not authorised: NO, one try in 30 s, no secret told"),
    Row("F55", "D", "U", "everybody busy: no amplification, quick recovery"),
    Row("F56", "D", "U", "monstrous routes: refused within bounds"),
    Row("F57", "E", "U", "not running: NO at once"),
    Row("F58", "E", "U", "stop at every stage: bounded, truthful, clean"),
    Row("F59", "E", "U", "cancel at every stage: truthful, nothing leaks"),
    Row("F60", "E", "U", "callbacks that raise or come back in: isolated"),
    Row("F61", "E", "U X", "a long queue, broker down: all end in time"),
    Row("F62", "E", "U X", "a burst beyond the limit: exactly it, topics take turns"),
    Row("F63", "E", "X", "no file descriptors: NO, recovers, no spinning"),
    Row("F64", "E", "U X", "the wall clock steps: deadlines do not"),
    Row("F65", "E", "U X", "the reactor stood still: read before timing out"),
    Row("F65b", "E", "U X", "a fork: refused in the child, other ids"),
    Row("F65c", "E", "X", "the interpreter ends with sends pending: quietly"),
    Row("F65d", "E", "U", "messages that cannot be sent: refused here"),
    Row("F66", "F", "X R", "killed at any moment: all accepted arrive, in order"),
    Row("F67", "F", "S", "a log cut off or damaged: as F66"),
    Row("F68", "F", "X", "told to stop: drained in time, a second time at once"),
    Row("F69", "F", "S X", "the disk is full: refused, drained, taken again"),
    Row("F70", "F", "S", "a commit fails: not kept, opened anew, not believed"),
    Row("F71", "F", "S", "the file is damaged: put aside, recovered, counted"),
    Row("F72", "F", "X", "a spool that cannot be had: one line, no start"),
    Row("F73", "F", "U", "refused for good: put aside, the others go on"),
    Row("F74", "F", "U", "the broker is down for long: backs off, refuses when full"),
    Row("F75", "F", "S", "a long backlog at the start: at once, in little memory"),
    Row("F76", "F", "U X", "a body said to be too long: 413, none of it is read"),
    Row("F77", "F", "U", "a body that is longer or shorter: nothing is sent of it"),
    Row("F78", "F", "U", "slow heads, bodies, readers: gone in time, and not many"),
    Row("F79", "F", "U", "requests behind each other: each has its own answer"),
    Row("F80", "F", "U", "what two servers would read differently: 400, the end"),
    Row("F81", "F", "U", "the client goes first: what was taken stays, once"),
    Row("F82", "F", "U", "a key again, meanwhile or later: once"),
    Row("F83", "F", "U", "a crowd, nothing can be sent: so many, no more"),
    Row("F84", "F", "U X", "a log that cannot be written: the relay goes on"),
    Row("F85", "F", "U X", "told to reload what is bad: all stays, and why"),
    Row("F86", "F", "-", "Scrapy: spiders and pipelines"),
    Row("F87", "F", "U X", "runners, reactors, pid files, sockets: or one line"),
    Row("F88", "F", "U X", "addresses that are none, or forbidden: refused"),
    Row("F89", "F", "U X", "what others say: one line of the log, and short"),
)
"""
All rows, in the contract's order.
"""

OPEN: dict[str, str] = {
    "F30": "the bodies of transaction checks are read when transactions are there",
    "F41": "what a listener answers comes with transactions",
    "F47": "nothing acked is lost: by the sandbox's store, which outlives setDown; "
    "after a real kill by tests.broker.test_crash alone, which needs Java",
    "F54": "no broker there is to try it on looks at the end of a token: it is the "
    "sandbox that says so",
    "F67": "writes that are torn or come in another order are left to SQLite's own "
    "tests; the kill is at random moments, not in each stage of a commit",
    "F72": "network file systems are not tried",
    "F78": "the good client's percentile is measured by tests.http_hostile alone",
    "F86": "there is no Scrapy pipeline yet",
    "F74": "24 hours pass on a clock, a minute of them",
}
"""
What is not proved of a row, and why.  A row may have tests and an open part.
"""
