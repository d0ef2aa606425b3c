"""
What is known not to be as with Java, each with its reason.

The page C{docs/reference/javaframes.rst} says the same in the same words.
"""

from __future__ import annotations

DIFFERENCES = {
    "language": "A frame names the client's language: ours say PYTHON.",
    "release": (
        "We speak as release 5.5.0 does, to brokers of any age: where Java 4.9.7 "
        "says version 407, and leaves heartbeatFingerprint and withoutSub out of "
        "heartbeats, we do as Java 5.5.0."
    ),
    "standardJson": (
        "Route requests carry acceptStandardJsonOnly=true, so that name servers "
        "answer in JSON that every parser reads."
    ),
    "innerProducer": (
        "Java starts a second producer, CLIENT_INNER_PRODUCER, in each client: it "
        "is in its heartbeats, and is unregistered on its own; we have none."
    ),
    "templateAtStart": (
        "Java 4.9.7 asks for the route of TBW102 when it starts; we, as Java 5.5.0, "
        "only when a topic is missing."
    ),
    "repeats": (
        "How often the same route is asked for and the same heartbeat is sent "
        "depends on timers, which are not the same."
    ),
    "firstHeartbeat": (
        "We send a heartbeat as soon as a broker is connected, as Java 5.5.0 does; "
        "Java 4.9.7 sends its first one by a timer, which a short life does not see."
    ),
    "delayInMillis": (
        "Our deliverAfter is sent as TIMER_DELAY_MS, never as TIMER_DELAY_SEC; "
        "brokers make the same time of delivery of both."
    ),
    "emptyProperty": (
        "Java sends a property with an empty value if it was set by a back door, "
        "and no reader will find it; we refuse it."
    ),
    "buyerId": (
        "Java's setBuyerId is not offered, and its property BUYER_ID is reserved."
    ),
    "batchId": (
        "Java 5.5.0 gives a batch a UNIQ_KEY of its own, which a broker of 4.9.7 "
        "then gives to each of its messages; ours, as those of Java 4.9.7, have none. "
        "Nor has one that sends were put into by themselves the tags and keys that "
        "Java writes beside it: its messages have their own."
    ),
    "longProperties": (
        "Properties of more than 32,767 bytes are refused before they are sent; "
        "Java sends them, and the broker refuses them."
    ),
}
"""
What is not the same in two frames, by name.
"""

TRANSACTIONS = "there are no transactions yet"
REQUESTS = "there is no request and reply"
ADMINISTRATION = "topics are made, and messages looked up, with the admin tools"

NOT_REPLAYED = {
    "transaction": TRANSACTIONS,
    "transaction-exception": TRANSACTIONS,
    "transaction-zlib": TRANSACTIONS,
    "acl-transaction": TRANSACTIONS,
    "refused-transaction": TRANSACTIONS,
    "request-reply": REQUESTS,
    "request-timeout": REQUESTS,
    "trace": "there are no message traces yet",
    "admin": ADMINISTRATION,
    "acl-admin": ADMINISTRATION,
    "stream-request-type": (
        "the field ReqT belongs to Java's enableStreamRequestType, which we do not have"
    ),
    "heartbeat-v2": "heartbeats are always those of the first version",
}
"""
The scenarios that our interface cannot express.
"""

NOT_REFUSED = {
    "creating a system topic": ADMINISTRATION,
}
"""
The local refusals of Java that are of something we do not have.
"""

STRICTER = {
    "group of 121 characters": (
        "Java 4.9.7 takes groups of up to 255 characters; we, as Java 5.5.0, of up "
        "to 120"
    ),
}
"""
What Java 4.9.7 does not refuse, and we do.
"""
