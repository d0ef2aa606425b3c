"""
C{twistd -n txrocketmq}: the relay's options, and the service they make.

Law: what is wrong is one line on standard error and exit status 1, under C{twistd}
and C{twist} alike.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from twisted.application.service import IService
from twisted.logger import ILogObserver
from twisted.python.usage import UsageError

from txrocketmq._clocks import keepSteadyTime
from txrocketmq._options import NamedOptions, Parameter
from txrocketmq.relay import checking, kinds
from txrocketmq.relay.configuration import FILE_OPTION, SETTINGS, Resolved, Setting
from txrocketmq.relay.logs import logAs
from txrocketmq.relay.material import Material, gather
from txrocketmq.relay.printing import printed
from txrocketmq.relay.sources import currentEnvironment, resolve


def _documented(setting: Setting) -> str:
    """
    What C{--help} says of a setting.
    """
    default = setting.shown
    if setting.kind is kinds.FLAG or default is None:
        return setting.doc
    return f"{setting.doc} [default: {default}]"


def _isParameter(setting: Setting) -> bool:
    """
    Whether an option is followed by a value, and only one of them counts.
    """
    return setting.kind is not kinds.FLAG and not setting.kind.several


def _parameter(setting: Setting) -> Parameter:
    """
    A setting as Twisted describes parameters; what was not given is L{None}.
    """
    return [setting.name, setting.short, None, _documented(setting)]


class Options(NamedOptions):
    """
    The options of C{twistd txrocketmq}.

    @ivar resolved: What they, the environment and the file say together.

    @ivar material: What is in the files they name.
    """

    resolved: Resolved
    material: Material

    synopsis = "[options]"
    longdesc = (
        "Takes messages over HTTP (POST /v1/topics/TOPIC/messages) and sends them to "
        "an Apache RocketMQ cluster. Each option may also be a variable of the "
        "environment (TXROCKETMQ_NAME_SERVER) or a key of the file (name-server)."
    )

    optParameters: Sequence[Parameter] = [
        *map(_parameter, filter(_isParameter, SETTINGS)),
        [FILE_OPTION, None, None, "A TOML file with the same settings."],
    ]

    optFlags: Sequence[Sequence[str | None]] = [
        *(
            [setting.name, setting.short, _documented(setting)]
            for setting in SETTINGS
            if setting.kind is kinds.FLAG
        ),
        ["check-config", None, "Check everything that can be, and start nothing."],
        ["print-config", None, "Print the settings as a TOML file, without secrets."],
    ]

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted's is untyped
        self._several: dict[str, list[str]] = {}
        self._directory = str(Path.cwd())
        for setting in SETTINGS:
            if setting.kind.several:
                self.docs[setting.name] = _documented(setting)

    def opt_listen(self, endpoint: str) -> None:
        """
        Add an endpoint to take messages at.
        """
        self._several.setdefault("listen", []).append(endpoint)

    def opt_admin_listen(self, endpoint: str) -> None:
        """
        Add an endpoint to show the status at.
        """
        self._several.setdefault("admin-listen", []).append(endpoint)

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """
        Read the command line; end the process when something is wrong with it.
        """
        try:
            super().parseOptions(options)  # type: ignore[no-untyped-call]
        except UsageError as wrong:
            _refuse(str(wrong))

    def postOptions(self) -> None:
        """
        Put all settings together, and read what files they name.
        """
        checking.checkLibraries()
        self.resolved, self.material = self.read()
        if self["check-config"]:
            self._check()
        if self["print-config"]:
            self.show(printed(self.resolved, self.material))
        runner = getattr(self, "parent", None)
        if runner is not None:
            checking.checkRunner(runner)

    def read(self) -> tuple[Resolved, Material]:
        """
        Read the environment, the file, and the files that are named.

        @raise UsageError: When something is wrong.
        """
        resolved = resolve(self._given(), currentEnvironment(), self._directory)
        return resolved, gather(resolved)

    def observer(self, reactor: Any) -> ILogObserver | None:
        """
        What C{twistd} is to log with, if it is not to be its own.
        """
        form = self.resolved.configuration.logFormat
        runner = getattr(self, "parent", None)
        try:
            return None if runner is None else logAs(form, runner, reactor)
        except UsageError as wrong:
            _refuse(str(wrong))

    def _given(self) -> Mapping[str, str | bool | list[str]]:
        """
        The options that were given, by their names.
        """
        names = (*(setting.name for setting in SETTINGS), FILE_OPTION)
        given: dict[str, Any] = {name: self.get(name) for name in names}
        given.update(self._several)
        return {name: value for name, value in given.items() if value not in (None, 0)}

    def _check(self) -> NoReturn:
        """
        Check the rest, tell, and end.
        """
        checking.checkSpool(self.resolved)
        for warning in self.material.warnings:
            sys.stderr.write(f"txrocketmq: {warning}\n")
        self.show("the configuration is good")


def _refuse(reason: str) -> NoReturn:
    """
    Say why nothing is started.
    """
    sys.stderr.write(f"txrocketmq: {' '.join(reason.split())}\n")
    sys.exit(1)


def makeService(options: Options) -> IService:
    """
    The relay that the options describe.
    """
    from twisted.internet import reactor

    # Not at the top: --help needs nothing of it, and not all may be installed.
    from txrocketmq.relay.process import Process
    from txrocketmq.relay.service import Relay

    keepSteadyTime(reactor)
    return Relay(
        reactor,
        options.resolved,
        options.material,
        options.read,
        Process(),
        options.observer(reactor),
    )
