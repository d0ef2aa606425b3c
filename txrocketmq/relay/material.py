"""
What the files hold that a configuration names.

Law: all of them are read and checked before anything is made of one: what does not
load is a L{UsageError} of one line, and shows nothing of a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import attrs
from OpenSSL import SSL
from twisted.python.usage import UsageError

from txrocketmq import Batching, ClientSettings, ProducerSettings
from txrocketmq._options import ClusterOptions
from txrocketmq.errors import InvalidConfiguration
from txrocketmq.relay.certificates import contextOf
from txrocketmq.relay.configuration import Configuration, Resolved
from txrocketmq.relay.endpoints import Place, checkGuard, parsePlace
from txrocketmq.relay.tokens import Tokens
from txrocketmq.tls import Wrap, wrapper

PARTING = 0.2
"""
Which part of the time for a drain is kept for the client, half of it to wait, half of
it to say goodbye and to tell those whose messages have not ended.
"""

OPTION = re.compile(r"--([a-z-]+)")

PLAIN_TOKENS = (
    "{text!r} can be reached from other machines, and tokens go there unencrypted: "
    "use ssl"
)


@attrs.frozen
class Material:
    """
    Everything that files hold, read.

    @ivar settings: What the client is made with.

    @ivar wrap: What puts TLS on its connections, if they are to have it.

    @ivar tokens: Who may send, if not everybody.

    @ivar places: Where messages are taken.

    @ivar adminPlaces: Where the relay is looked into.

    @ivar contexts: What connections with TLS are made with there, by the endpoints'
        texts.
    """

    settings: ClientSettings
    producerSettings: ProducerSettings
    wrap: Wrap | None
    tokens: Tokens | None
    places: Sequence[Place]
    adminPlaces: Sequence[Place]
    contexts: Mapping[str, SSL.Context]
    warnings: Sequence[str] = ()


def gather(resolved: Resolved) -> Material:
    """
    Read and check all there is to be read.

    @raise UsageError: When something is not there, or not what it should be.
    """
    configuration = resolved.configuration
    _checkCluster(resolved)
    settings, warnings = _clientSettings(resolved)
    places = _places(resolved, "listen", configuration.listen)
    adminPlaces = _places(resolved, "admin-listen", configuration.adminListen)
    guarded = configuration.tokenFile is not None
    for place in places:
        checkGuard(place, guarded)
    for place in adminPlaces:
        # Tokens are for those who send; here everything may be seen and deleted.
        checkGuard(place, False)
    return Material(
        settings,
        _producerSettings(configuration),
        None if settings.tls is None else wrapper(settings.tls),
        _tokens(resolved),
        places,
        adminPlaces,
        {each.text: contextOf(each) for each in (*places, *adminPlaces) if each.secure},
        (*resolved.warnings, *warnings, *_plainTokens(places)),
    )


def _checkCluster(resolved: Resolved) -> None:
    """
    @raise UsageError: When there is no cluster, or a sandbox and what it has not.
    """
    configuration = resolved.configuration
    if configuration.sandbox:
        for name in ("tls-ca", "tls-cert"):
            if name in resolved.origins:
                raise UsageError(
                    f"{resolved.origin('sandbox')} is a cluster of its own, without "
                    f"{resolved.origin(name)}"
                )
    elif configuration.nameServer is None:
        raise UsageError(
            "which cluster? Give --name-server HOST:PORT, or set NAMESRV_ADDR, or "
            "try it with --sandbox"
        )


def _clientSettings(resolved: Resolved) -> tuple[ClientSettings, list[str]]:
    """
    What a client is made with, and what its user should know.
    """
    configuration = resolved.configuration
    options = ClusterOptions()
    options["credentials"] = configuration.credentials
    options["namespace"] = configuration.namespace
    options["tls-ca"] = configuration.tlsCa
    options["tls-cert"] = configuration.tlsCert
    timeout = PARTING / 2 * configuration.drainTimeout
    try:
        return options.clientSettings(stopTimeout=timeout), options.warnings
    except UsageError as wrong:
        text = OPTION.sub(lambda match: resolved.origin(match[1]), str(wrong), count=1)
        raise UsageError(text) from wrong


def _tokens(resolved: Resolved) -> Tokens | None:
    """
    Who may send, if not everybody.
    """
    if resolved.configuration.tokenFile is None:
        return None
    try:
        return Tokens.load(resolved.configuration.tokenFile)
    except InvalidConfiguration as wrong:
        raise UsageError(f"{resolved.origin('token-file')}: {wrong}") from wrong


def _producerSettings(configuration: Configuration) -> ProducerSettings:
    """
    What the producer is made with.
    """
    # What comes in together, or out of the spool, is to leave together.
    return ProducerSettings(batching=Batching())


def _places(resolved: Resolved, name: str, texts: Sequence[str]) -> list[Place]:
    """
    Read endpoint strings.
    """
    directory, origin = resolved.directory, resolved.origin(name)
    return [parsePlace(text, origin, directory) for text in texts]


def _plainTokens(places: Sequence[Place]) -> Iterator[str]:
    """
    Warn of tokens that others may see.
    """
    for place in places:
        if place.reach and not place.secure:
            yield PLAIN_TOKENS.format(text=place.text)
