"""
Putting new credentials, tokens and certificates in place.

Law: everything has been read and checked before anything is exchanged, and the
exchange cannot fail.
"""

from __future__ import annotations

from twisted.logger import Logger

from txrocketmq.relay.configuration import SETTINGS, Resolved
from txrocketmq.relay.material import Material
from txrocketmq.relay.parts import Parts

_log = Logger()


def reload(parts: Parts, former: Resolved, now: Resolved, material: Material) -> None:
    """
    Exchange what can be, and name what needs a restart.

    @param former: What the relay was started with.
    """
    waiting = _needRestart(former, now)
    if waiting:
        _log.warn(
            "These settings have changed, and need a restart: {names}",
            names=", ".join(waiting),
        )
    parts.exchange(material)
    for warning in material.warnings:
        _log.warn("{text}", text=warning)
    _log.info("Reloaded credentials, tokens and certificates")


def _needRestart(former: Resolved, now: Resolved) -> list[str]:
    """
    The settings that cannot change while the relay runs: all but the names of files,
    and those when there was none or is to be none.
    """
    names = []
    for setting in SETTINGS:
        old = getattr(former.configuration, setting.attribute)
        new = getattr(now.configuration, setting.attribute)
        kept = setting.live and (old is None) is (new is None)
        if old != new and not kept:
            names.append(setting.name)
    return names
