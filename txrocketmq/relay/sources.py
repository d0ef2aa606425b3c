"""
Where the relay's settings come from: the command line, the environment and a file.

Laws:

    - The command line is over the environment, the environment over the file.

    - What is wrong is a L{UsageError} of one line, which names the place where the
      value came from: the option, the variable, or the file and its key.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
from twisted.python.usage import UsageError

from txrocketmq._options import NAME_SERVER_VARIABLE, fileFault
from txrocketmq.errors import InvalidConfiguration
from txrocketmq.relay import kinds
from txrocketmq.relay.configuration import (
    BY_NAME,
    FILE_OPTION,
    FILE_VARIABLE,
    PREFIX,
    SETTINGS,
    Configuration,
    Resolved,
    Setting,
)

MAX_FILE = 1 << 20
"""
The most bytes of a configuration file.
"""


@attrs.frozen
class Given:
    """
    A value, and where it came from.

    @ivar origin: How errors name the place.
    """

    value: Any
    origin: str


Layer = Mapping[str, Given]
"""
Values that one source gives, by the names of their settings.
"""


def resolve(
    commandLine: Mapping[str, str | bool | list[str]],
    environ: Mapping[str, str],
    directory: str,
) -> Resolved:
    """
    Put together what the command line, the environment and the file say.

    @param commandLine: The options that were given, by their names.

    @param directory: Where the program was started: what runs it may go elsewhere.

    @raise UsageError: When something is wrong with one of them.
    """
    given = {**commandLine}
    file = given.pop(FILE_OPTION, None) or environ.get(FILE_VARIABLE) or None
    layers = [
        {name: _fromOption(name, value) for name, value in given.items()},
        dict(_fromEnvironment(environ)),
        {} if file is None else dict(fromFile(str(Path(directory, str(file))))),
    ]
    together: dict[str, Given] = {}
    for layer in reversed(layers):
        _joinCluster(together, layer)
        together.update(layer)
    values = {
        BY_NAME[name].attribute: _placed(BY_NAME[name], each.value, directory)
        for name, each in together.items()
    }
    return Resolved(
        Configuration(**values),
        {name: each.origin for name, each in together.items()},
        directory,
        tuple(_unknownVariables(environ)),
    )


def fromFile(name: str) -> Iterator[tuple[str, Given]]:
    """
    Read a configuration file.
    """
    for key, value in _table(name).items():
        setting = BY_NAME.get(key)
        if setting is None:
            raise UsageError(f"{name}: {key[:80]!r} is no setting; {_likely(key)}")
        origin = f"{name}: {key}"
        if setting.kind.several and kinds.isTexts(value):
            yield key, Given(tuple(value), origin)
            continue
        text = value if isinstance(value, str) else setting.kind.native(value)
        if text is None:
            raise UsageError(f"{origin}: this must be {setting.kind.words}")
        yield key, Given(_parsed(setting, text, origin), origin)


def _fromOption(name: str, value: str | bool | list[str]) -> Given:
    """
    A value of the command line.
    """
    setting, origin = BY_NAME[name], f"--{name}"
    if isinstance(value, list):
        # Each as it is: only in the environment do blanks separate them.
        return Given(tuple(value), origin)
    text = value if isinstance(value, str) else str(value)
    return Given(_parsed(setting, text, origin), origin)


def _fromEnvironment(environ: Mapping[str, str]) -> Iterator[tuple[str, Given]]:
    """
    The values that variables give; an empty one gives none.
    """
    servers = BY_NAME["name-server"]
    for name in (NAME_SERVER_VARIABLE, servers.variable):
        if environ.get(name, "").strip():
            yield servers.name, Given(_parsed(servers, environ[name], name), name)
    for setting in SETTINGS:
        text = environ.get(setting.variable, "")
        if text.strip() and setting is not servers:
            origin = setting.variable
            yield setting.name, Given(_parsed(setting, text, origin), origin)


def _joinCluster(below: dict[str, Given], layer: dict[str, Given]) -> None:
    """
    Let a layer that names a cluster overrule another kind of cluster below it.

    @raise UsageError: When it names two.
    """
    servers, sandbox = layer.get("name-server"), layer.get("sandbox")
    if sandbox is None or not sandbox.value:
        if servers is not None:
            below.pop("sandbox", None)
        return
    if servers is not None and servers.origin != NAME_SERVER_VARIABLE:
        raise UsageError(
            f"{sandbox.origin} is a cluster of its own, without {servers.origin}"
        )
    layer.pop("name-server", None)
    below.pop("name-server", None)


def _parsed(setting: Setting, text: str, origin: str) -> Any:
    """
    The value that a text stands for.
    """
    try:
        return setting.kind.parse(text)
    except (UsageError, InvalidConfiguration) as wrong:
        raise UsageError(f"{origin}: {wrong}") from wrong


def _placed(setting: Setting, value: Any, directory: str) -> Any:
    """
    A value whose path, if it is one, begins at the root.
    """
    isPath = setting.kind in (kinds.FILE, kinds.DIRECTORY)
    return str(Path(directory, value)) if isPath else value


def _table(name: str) -> dict[str, Any]:
    """
    What a TOML file holds.
    """
    try:
        with Path(name).open("rb") as file:
            content = file.read(MAX_FILE + 1)
        if len(content) > MAX_FILE:
            raise UsageError(f"{name}: this is too long for a configuration")
        return tomllib.loads(content.decode("utf-8"))
    except OSError as wrong:
        raise UsageError(f"--{FILE_OPTION}: {fileFault(name, wrong)}") from wrong
    except ValueError as wrong:
        words = " ".join(str(wrong).split())
        raise UsageError(f"{name}: this is no TOML: {words[:200]}") from wrong


def _likely(key: str) -> str:
    """
    What somebody may have meant by a key.
    """
    folded = key.lower().replace("_", "").replace("-", "")
    for name in BY_NAME:
        if name.replace("-", "") == folded:
            return f"did you mean {name!r}?"
    return f"there are {', '.join(BY_NAME)}"


def _unknownVariables(environ: Mapping[str, str]) -> Iterator[str]:
    """
    Warn of variables that look like ours.  They may be there for another reason:
    Kubernetes makes some with the name of each service.
    """
    known = {setting.variable for setting in SETTINGS} | {FILE_VARIABLE}
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known:
            yield f"the environment's {name[:80]!r} is no setting, and is ignored"


def currentEnvironment() -> Mapping[str, str]:
    """
    The process's environment.
    """
    return os.environ
