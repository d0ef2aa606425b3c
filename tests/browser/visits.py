"""
Somebody who looks at the status page.

The browser is driven in a thread, while the relay it looks at runs in the reactor.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from . import chromium, measuring
from .stage import Stage

P = ParamSpec("P")
T = TypeVar("T")

WIDE = 1180
NARROW = 360
"""
Pixels of a window on a desk, and of a phone's.
"""

PATIENCE = 30.0
"""
The most seconds until something shows.
"""

TEXTS = """
return [...document.querySelectorAll(arguments[0])].map(
  (each) => each.getClientRects().length ? each.innerText.trim() : "");
"""
"""
Reads what is shown of elements.
"""

SHOTS = "TXROCKETMQ_SHOTS"
"""
The variable that names a directory for screenshots, if they are wanted.
"""


class Visitor:
    """
    What somebody does with a browser.  Everything here blocks.
    """

    def __init__(self, driver: Any, address: str) -> None:
        """
        @param driver: Selenium's.

        @param address: Where the page is.
        """
        self.driver = driver
        self.address = address

    def read(self, id: str) -> str:
        """
        What is to be read in an element.
        """
        (text,) = self.texts(f"#{id}")
        return text

    def figure(self, name: str) -> str:
        """
        A figure of the page.
        """
        return next(filter(None, self.texts(f'[data-text="{name}"]')), "")

    def count(self, name: str) -> float:
        """
        A figure that is a number.
        """
        text = self.figure(name).replace(",", "")
        return float(text) if text and text != "\N{EN DASH}" else 0.0

    def level(self) -> str:
        """
        How bad it is, as the page's colours have it.
        """
        root = self.driver.find_element("css selector", "html")
        level: str = root.get_attribute("data-level")
        return level

    def drawn(self, plot: str) -> list[str]:
        """
        The lines of a plot.
        """
        lines: list[str] = self.driver.execute_script(
            "return [...document.querySelectorAll(`svg[data-plot=${arguments[0]}]"
            " path`)].map((each) => each.getAttribute('d'));",
            plot,
        )
        return lines

    def texts(self, selector: str) -> list[str]:
        """
        What is to be read in some elements, all at one moment: the page changes by
        itself.
        """
        texts: list[str] = self.driver.execute_script(TEXTS, selector)
        return texts

    def press(self, *names: str) -> None:
        """
        Press keys, one after the other, wherever the focus is.

        @param names: What Selenium calls them.
        """
        from selenium.webdriver import ActionChains
        from selenium.webdriver.common.keys import Keys

        for name in names:
            key = getattr(Keys, name)
            ActionChains(self.driver, duration=0).send_keys(key).perform()

    def focus(self) -> str:
        """
        What the focus is on: its id, its label, or its address.
        """
        it = "document.activeElement"
        labels = "['id', 'aria-label', 'href']"
        focus: str = self.ask(
            f"{labels}.map((name) => {it}.getAttribute(name)).find(Boolean)"
            f" || {it}.tagName"
        )
        return focus

    def tabTo(self, wanted: str, *, back: bool = False) -> None:
        """
        Go to something by the tabulator key.

        @param wanted: How what L{focus} says begins.

        @param back: Whether to go back.

        @raise AssertionError: It cannot be reached so.
        """
        from selenium.webdriver import ActionChains
        from selenium.webdriver.common.keys import Keys

        seen = []
        for _ in range(40):
            keys = ActionChains(self.driver, duration=0)
            if back:
                keys.key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT)
            else:
                keys.send_keys(Keys.TAB)
            keys.perform()
            seen.append(self.focus())
            if seen[-1].startswith(wanted):
                return
        raise AssertionError(f"{wanted!r} is not among {seen}")

    def resize(self, width: int, height: int = 900) -> None:
        """
        Have a window of so many pixels.
        """
        chromium.setWidth(self.driver, width, height)

    def prefer(self, scheme: str) -> None:
        """
        Prefer C{light} or C{dark}.
        """
        chromium.setScheme(self.driver, scheme)

    def complaints(self) -> list[str]:
        """
        What the browser has said of the page, since this was asked last.
        """
        return chromium.complaints(self.driver)

    def requested(self) -> set[str]:
        """
        What the page has asked for, since this was asked last.
        """
        return set(chromium.requested(self.driver))

    def title(self) -> str:
        """
        What the tab is called.
        """
        title: str = self.driver.title
        return title

    def ask(self, expression: str) -> Any:
        """
        The value of an expression in the page.
        """
        return self.driver.execute_script(f"return {expression}")

    def until(self, look: Callable[[Visitor], T]) -> T:
        """
        Look until there is something to see.

        @raise AssertionError: There never was.
        """
        from selenium.common.exceptions import (
            StaleElementReferenceException,
            TimeoutException,
        )
        from selenium.webdriver.support.wait import WebDriverWait

        fleeting = [StaleElementReferenceException]
        waiting = WebDriverWait(self.driver, PATIENCE, 0.1, fleeting)
        try:
            seen: T = waiting.until(lambda _: look(self))
        except TimeoutException:
            shown = self.driver.find_element("css selector", "body").text
            raise AssertionError(f"not to be seen: {shown}") from None
        return seen

    def headline(self, text: str) -> bool:
        """
        Wait until the page says something first.
        """
        return self.until(lambda page: text in page.read("headline"))


class VisitingTestCase(TestCase):
    """
    A test that looks at a page.

    @cvar timeout: Seconds for one test: a browser takes some to start.
    """

    timeout = 180

    stage: Stage
    visitor: Visitor

    async def visit(
        self, *, scripts: bool = True, width: int = WIDE, **settings: Any
    ) -> Visitor:
        """
        Start a relay, and look at its page.

        @param scripts: Whether the browser runs scripts.

        @param settings: For L{Stage}.
        """
        self.stage = Stage(reactor, Path(self.mktemp()), **settings)
        await self.stage.start()
        self.addCleanup(self.stage.stop)
        driver = await deferToThread(chromium.start, self.mktemp(), scripts=scripts)
        self.addCleanup(deferToThread, driver.quit)
        self.visitor = Visitor(driver, self.stage.address)
        await self.see(Visitor.resize, width)
        await deferToThread(driver.get, self.stage.address)
        if scripts:
            await self.shows(lambda page: page.read("pulse").startswith("live"))
        return self.visitor

    async def see(
        self,
        look: Callable[Concatenate[Visitor, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """
        Do something with the browser.
        """
        return await deferToThread(look, self.visitor, *args, **kwargs)

    async def shows(self, look: Callable[[Visitor], object]) -> None:
        """
        Wait until the page shows something.
        """
        await self.see(Visitor.until, look)

    async def says(self, text: str, level: str) -> None:
        """
        Wait until the page says something first, and see how bad it looks.
        """
        await self.see(lambda page: page.headline(text))
        self.assertEqual(await self.see(Visitor.level), level)

    async def good(self, name: str) -> None:
        """
        Make sure that what is shown can be read: wide and narrow, light and dark.

        @param name: What screenshots of it are called, if they are wanted.
        """
        for scheme in ("light", "dark"):
            await self.see(Visitor.prefer, scheme)
            for width in (WIDE, NARROW):
                await self.see(Visitor.resize, width)
                await self._shoot(f"{name}-{scheme}-{width}")
                wide = await self.see(measuring.overflowing)
                self.assertEqual(wide, [], f"{width} pixels are too few")
            pale = await self.see(measuring.pale)
            self.assertEqual(pale, [], f"not to be read when it is {scheme}")
        await self.see(Visitor.prefer, "light")
        await self.see(Visitor.resize, WIDE)

    async def quiet(self) -> None:
        """
        Make sure that the browser had nothing to say of the page, and asked nobody
        but the relay.
        """
        self.assertEqual(await self.see(Visitor.complaints), [])
        asked = await self.see(Visitor.requested)
        self.assertIn(self.stage.address, asked)
        foreign = [each for each in asked if not each.startswith(self.stage.address)]
        self.assertEqual(foreign, [])

    async def _shoot(self, name: str) -> None:
        """
        Take a screenshot of the whole page, if somebody wants it.
        """
        directory = os.environ.get(SHOTS)
        if directory:
            await self.see(measuring.shoot, f"{directory}/{name}.png")
