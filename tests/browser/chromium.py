"""
Debian's Chromium, headless, driven by the driver beside it: nothing is downloaded.
"""

from __future__ import annotations

import shutil
from typing import Any

CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")

FLAGS = (
    "--headless=new",
    # The tests' user may be root, as in a container; pages are our own.
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
)


def missing() -> str | None:
    """
    Say what is not there to run a browser.
    """
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "selenium is not installed"
    if CHROMIUM is None or DRIVER is None:
        return "needs Debian's chromium and chromium-driver"
    return None


def start(*, scripts: bool = True) -> Any:
    """
    Start a browser.

    @param scripts: Whether it runs scripts.

    @return: A selenium driver.
    """
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for flag in FLAGS:
        options.add_argument(flag)
    if not scripts:
        settings = {"profile.managed_default_content_settings.javascript": 2}
        options.add_experimental_option("prefs", settings)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
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
