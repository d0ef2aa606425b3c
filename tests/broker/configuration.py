"""
How the servers are set: small, fast to start, on loopback, quiet.

The figures were tried on a machine of four cores.  A cluster of one name server
and one broker takes about 450 MB with 5.5.0 and about 240 MB with 4.9.7, and is
ready after three to five seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

NAME_SERVER = "org.apache.rocketmq.namesrv.NamesrvStartup"
BROKER = "org.apache.rocketmq.broker.BrokerStartup"
PROXY = "org.apache.rocketmq.proxy.ProxyStartup"

JVM_FLAGS = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xss512k",
    "-XX:-UsePerfData",
    "-Djava.net.preferIPv4Stack=true",
    "-Dfile.encoding=UTF-8",
)

# 4.x unmaps its files through these: without them a broker that was killed
# does not come up again on a JDK later than 8.
UNMAPPING_FLAGS = (
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.base/jdk.internal.ref=ALL-UNNAMED",
)

NAME_SERVER_MEMORY = ("-Xms24m", "-Xmx48m", "-XX:MaxDirectMemorySize=64m")
BROKER_MEMORY = ("-Xms96m", "-Xmx192m", "-XX:MaxDirectMemorySize=256m")

_LOGBACK = """<configuration>
  <appender name="FILE" class="ch.qos.logback.core.FileAppender">
    <file>{file}</file>
    <encoder><pattern>%d %-5p %c{{1}} - %m%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="FILE"/></root>
</configuration>
"""

_NAME_SERVER = {
    "bindAddress": "127.0.0.1",
    "serverSelectorThreads": "1",
    "serverWorkerThreads": "2",
    "serverCallbackExecutorThreads": "2",
    "serverThreadPoolNums": "2",
}

_BROKER = {
    "brokerClusterName": "DefaultCluster",
    "brokerId": "0",
    "brokerRole": "ASYNC_MASTER",
    "brokerIP1": "127.0.0.1",
    "brokerIP2": "127.0.0.1",
    "bindAddress": "127.0.0.1",
    "flushDiskType": "ASYNC_FLUSH",
    "autoCreateTopicEnable": "true",
    "autoCreateSubscriptionGroup": "true",
    "recallMessageEnable": "true",
    "mappedFileSizeCommitLog": str(16 << 20),
    "mappedFileSizeConsumeQueue": "20000",
    "mappedFileSizeTimerLog": str(1 << 20),
    "maxHashSlotNum": "1000",
    "maxIndexNum": "4000",
    # On a busy machine the usual 200 ms are answered with code 2.
    "waitTimeMillsInSendQueue": "3000",
    "diskMaxUsedSpaceRatio": "95",
    "sendMessageThreadPoolNums": "2",
    "pullMessageThreadPoolNums": "4",
    "queryMessageThreadPoolNums": "2",
    "adminBrokerThreadPoolNums": "2",
    "clientManageThreadPoolNums": "2",
    "consumerManageThreadPoolNums": "2",
    "endTransactionThreadPoolNums": "2",
    "putMessageFutureThreadPoolNums": "2",
    "processReplyMessageThreadPoolNums": "2",
    "litePullMessageThreadPoolNums": "2",
    "ackMessageThreadPoolNums": "2",
    "heartbeatThreadPoolNums": "2",
    "loadBalanceProcessorThreadPoolNums": "2",
    "serverSelectorThreads": "1",
    "serverWorkerThreads": "2",
    "serverCallbackExecutorThreads": "2",
}


def nameServerSettings(directory: Path, port: int) -> dict[str, str]:
    """
    The C{namesrv.properties} of one name server.
    """
    return {
        **_NAME_SERVER,
        "listenPort": str(port),
        "kvConfigPath": str(directory / "kvConfig.json"),
    }


def brokerSettings(
    directory: Path,
    name: str,
    port: int,
    nameServers: str,
    overrides: Mapping[str, str],
) -> dict[str, str]:
    """
    The C{broker.conf} of one broker.

    @param nameServers: Addresses, with semicolons between them.

    @param overrides: What differs from our own choice.
    """
    store = directory / "store"
    return {
        **_BROKER,
        "brokerName": name,
        "listenPort": str(port),
        "haListenPort": str(port + 1),
        "namesrvAddr": nameServers,
        "storePathRootDir": str(store),
        "storePathCommitLog": str(store / "commitlog"),
        **overrides,
    }


def proxySettings(nameServers: str, grpcPort: int, remotingPort: int) -> dict[str, Any]:
    """
    The C{rmq-proxy.json} of one proxy.
    """
    return {
        "rocketMQClusterName": _BROKER["brokerClusterName"],
        "namesrvAddr": nameServers,
        "grpcServerPort": grpcPort,
        "remotingListenPort": remotingPort,
        "localServeAddr": "127.0.0.1",
    }


def writeSettings(path: Path, settings: Mapping[str, str]) -> None:
    """
    Write a Java properties file.
    """
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))


def writeLogging(directory: Path) -> list[str]:
    """
    Write the log settings of one process, of either release.

    Without them the 5.x client reports on standard output how its log was set.

    @return: The JVM's flags that point to them.
    """
    conf = directory / "conf"
    conf.mkdir(exist_ok=True)
    text = _LOGBACK.format(file=directory / "log")
    # 4.x wants a file with a fixed name; 5.x the one it is told.
    for name in ("logback_namesrv.xml", "logback_broker.xml"):
        (conf / name).write_text(text)
    return [
        f"-Drocketmq.home.dir={directory}",
        f"-Duser.home={directory}",
        f"-Djava.io.tmpdir={directory}",
        f"-Drmq.logback.configurationFile={conf / 'logback_broker.xml'}",
    ]
