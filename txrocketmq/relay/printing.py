"""
C{--print-config}: a configuration as TOML that can be read back.

Law: it names files, and shows nothing of the secrets they hold.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from txrocketmq import SessionCredentials
from txrocketmq.relay import kinds
from txrocketmq.relay.configuration import SETTINGS, Resolved, Setting
from txrocketmq.relay.material import Material

MASK = "********"


def printed(resolved: Resolved, material: Material) -> str:
    """
    The whole configuration, each value with where it came from.
    """
    lines = [_line(setting, resolved) for setting in SETTINGS]
    return "\n".join((*lines, *_held(material)))


def _line(setting: Setting, resolved: Resolved) -> str:
    """
    One setting.
    """
    value = getattr(resolved.configuration, setting.attribute)
    if value is None:
        return f"# {setting.name} is not set"
    origin = resolved.origins.get(setting.name, "the default")
    return f"{setting.name} = {_written(setting, value)}  # {_comment(origin)}"


def _written(setting: Setting, value: Any) -> str:
    """
    A value in TOML.
    """
    if setting.kind.several:
        return f"[{', '.join(map(_quoted, value))}]"
    text = setting.kind.shown(value)
    return text if setting.kind in (kinds.FLAG, kinds.SECONDS) else _quoted(text)


def _held(material: Material) -> Iterator[str]:
    """
    What the files hold, in comments.
    """
    credentials = material.settings.credentials
    if isinstance(credentials, SessionCredentials):
        token = "" if credentials.securityToken is None else f", securityToken {MASK}"
        yield f"# accessKey {credentials.accessKey!r}, secretKey {MASK}{token}"
    if material.tokens is not None:
        yield f"# tokens: {', '.join(material.tokens.names)}"


def _quoted(text: str) -> str:
    """
    A string in TOML: what is not printable has been refused.
    """
    return json.dumps(text, ensure_ascii=False)


def _comment(text: str) -> str:
    """
    A text that may stand in a comment.
    """
    return "".join(each if each.isprintable() else "?" for each in text)
