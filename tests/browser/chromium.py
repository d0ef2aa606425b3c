"""
Debian's Chromium, headless, driven by the driver beside it: nothing is downloaded.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from typing import Any

FLAGS = (
    "--headless=new",
    # The tests' user may be root, as in a container; pages are our own.
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    # Nothing that the browser might want by itself has an address.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
)


class MissingBrowser(Exception):
    """
    There is no browser to look with.
    """


def found(name: str) -> str:
    """
    Where a program is.

    @raise MissingBrowser: It is nowhere.
    """
    path = shutil.which(name)
    if path is None:
        raise MissingBrowser(
            f"there is no {name}: apt-get install chromium chromium-driver"
        )
    return path


def start(profile: str, *, scripts: bool = True) -> Any:
    """
    Start a browser.

    @param profile: An empty directory for what it keeps.

    @param scripts: Whether it runs scripts.

    @return: A selenium driver.

    @raise MissingBrowser: When there is none.
    """
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = found("chromium")
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    if not scripts:
        settings = {"profile.managed_default_content_settings.javascript": 2}
        options.add_experimental_option("prefs", settings)
    kinds = {"browser": "ALL", "performance": "ALL"}
    options.set_capability("goog:loggingPrefs", kinds)
    driver = webdriver.Chrome(options=options, service=Service(found("chromedriver")))
    driver.set_page_load_timeout(20)
    driver.set_script_timeout(20)
    return driver


def setScheme(driver: Any, scheme: str) -> None:
    """
    Prefer C{light} or C{dark}.
    """
    feature = {"name": "prefers-color-scheme", "value": scheme}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


def setWidth(driver: Any, width: int, height: int = 900) -> None:
    """
    Have a window of so many pixels.
    """
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1}
    command = "Emulation.setDeviceMetricsOverride"
    driver.execute_cdp_cmd(command, {**metrics, "mobile": width < 500})


def requested(driver: Any) -> Iterator[str]:
    """
    The addresses that the page has asked for, since this was asked last; those of
    the browser's own pages, like that of a new tab, are not among them.
    """
    for entry in driver.get_log("performance"):
        event = json.loads(entry["message"])["message"]
        if event["method"] == "Network.requestWillBeSent":
            asked = event["params"]
            if not asked["documentURL"].startswith("chrome"):
                yield asked["request"]["url"]


def complaints(driver: Any) -> list[str]:
    """
    What the browser has said of the page on its console, since this was asked last.
    """
    return [entry["message"] for entry in driver.get_log("browser")]
