"""
The programs that drive other clients: how each is made.

Each client is fetched by its language's own package manager, in a fixed release.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.broker import jars

from .drivers import Program, python
from .toolchain import PROGRAMS, made, serverJars, tool

GO_MODULE = "go/go.mod"
GRPC_CLIENT = "rocketmq-python-client==5.1.2"


def java() -> Program:
    """
    Apache's Java client.
    """
    runtime, library = tool("java"), serverJars()

    def make(directory: Path) -> None:
        source = str(PROGRAMS / "Bench.java")
        compiler = tool("javac")
        jars.run(
            compiler, "-nowarn", "-cp", f"{library}/*", "-d", str(directory), source
        )

    classes = made(f"classes-{jars.V5}", ["Bench.java"], make)
    logs = classes.parent / "java-logs"
    options = (
        "-Xmx512m",
        f"-Duser.home={logs}",
        f"-Drocketmq.client.logRoot={logs}",
        "-Drocketmq.client.logLevel=ERROR",
    )
    words = (runtime, *options, "-cp", f"{library}/*:{classes}", "Bench")
    return Program(words, warm=2.0)


def go() -> Program:
    """
    Apache's Go client.
    """

    def make(directory: Path) -> None:
        jars.run(
            tool("go"),
            *("build", "-C", str(PROGRAMS / "go"), "-trimpath", "-buildvcs=false"),
            *("-o", str(directory / "producer"), "."),
        )

    sources = ["go/main.go", GO_MODULE, "go/go.sum"]
    program = made("go", sources, make) / "producer"
    return Program((str(program),), environment={"ROCKETMQ_GO_LOG_LEVEL": "fatal"})


def js() -> Program:
    """
    ali-ons, the JavaScript client.
    """
    runtime = tool("node")

    def make(directory: Path) -> None:
        for name in ("package.json", "producer.js"):
            shutil.copy(PROGRAMS / "js" / name, directory)
        quiet = ("--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error")
        jars.run(tool("npm"), "install", f"--prefix={directory}", *quiet)

    made_ = made("js", ["js/package.json", "js/producer.js"], make)
    return Program((runtime, str(made_ / "producer.js")))


def grpc() -> Program:
    """
    Apache's Python client, which speaks gRPC.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"

    def make(directory: Path) -> None:
        pip = (sys.executable, "-m", "pip", "install", "--quiet")
        jars.run(*pip, f"--target={directory}", GRPC_CLIENT)

    name = f"{GRPC_CLIENT.replace('==', '-')}-py{version}"
    library = made(name, [], make)
    return python("grpcproducer", "proxy", packages=str(library))


def versions() -> dict[str, str]:
    """
    What the other clients are, and what runs them.
    """
    package = json.loads((PROGRAMS / "js" / "package.json").read_text())
    module = re.search(
        r"rocketmq-client-go/v2 (\S+)", (PROGRAMS / GO_MODULE).read_text()
    )
    return {
        "java": f"rocketmq-client {jars.V5}{_runtime('java', '-version')}",
        "go": f"rocketmq-client-go {module and module[1]}{_runtime('go', 'version')}",
        "js": f"ali-ons {package['dependencies']['ali-ons']}"
        f"{_runtime('node', '--version')}",
        "grpc": GRPC_CLIENT.replace("==", " "),
        "broker": jars.V5,
    }


def _runtime(*command: str) -> str:
    """
    The first line in which a runtime says what it is, if it is there.
    """
    if shutil.which(command[0]) is None:
        return ""
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    return f", {(said.stdout or said.stderr).splitlines()[0]}"


PEER_DRIVERS: dict[str, Callable[[], Program]] = {
    "go": go,
    "grpc": grpc,
    "java": java,
    "js": js,
}
"""
What makes each of L{PEERS<bench.rows.PEERS>}; it may raise
L{Missing<bench.toolchain.Missing>}.
"""
