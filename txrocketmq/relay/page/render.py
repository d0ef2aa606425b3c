"""
The status page with the figures of a moment, as it is without a script.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from twisted.internet.defer import Deferred
from twisted.web.iweb import IRequest
from twisted.web.template import Element, Tag, XMLString, flattenString, renderer, tags

from txrocketmq.relay.texts import PLOTS, age

STATIC = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
"""
The files beside the template, and what they are.
"""

MOST_FAILURES = 10
"""
How many lines of failures are shown, here and by the script.
"""


@cache
def static(name: str) -> tuple[bytes, str]:
    """
    One of L{STATIC}, and what it is.
    """
    return files(__package__).joinpath(name).read_bytes(), STATIC[name]


@cache
def _template() -> XMLString:
    """
    The page without figures.
    """
    return XMLString(files(__package__).joinpath("page.html").read_text("utf-8"))


def rendered(status: Mapping[str, Any]) -> Deferred[bytes]:
    """
    The page.

    @param status: With its texts.
    """
    writing = flattenString(None, StatusPage(status))
    return writing.addCallback(lambda html: b"<!DOCTYPE html>\n" + html)


class StatusPage(Element):
    """
    Fills figures in.
    """

    def __init__(self, status: Mapping[str, Any]) -> None:
        """
        @param status: With its texts.
        """
        super().__init__(_template())
        self._status = status
        self._texts = status["texts"]

    @renderer
    def text(self, request: IRequest | None, tag: Tag) -> Tag:
        """
        The text of the place that C{data-text} names.
        """
        name = tag.attributes["data-text"]
        return tag(self._texts.get(name, ""))

    @renderer
    def root(self, request: IRequest | None, tag: Tag) -> Tag:
        """
        What the style depends on.
        """
        level = self._status["summary"][0]["level"]
        spool = "no" if self._status["spool"] is None else "yes"
        refused = (
            "yes"
            if self._status["spool"] and self._status["spool"]["refused"]
            else "no"
        )
        marks = {"level": level, "spool": spool, "refused": refused}
        return tag(**{f"data-{name}": mark for name, mark in marks.items()})

    @renderer
    def headline(self, request: IRequest | None, tag: Tag) -> Tag:
        """
        The first thing there is to say.
        """
        return tag(self._status["summary"][0]["text"])

    @renderer
    def lines(self, request: IRequest | None, tag: Tag) -> Tag:
        """
        What else there is to say.
        """
        lines = self._status["summary"][1:]
        return tag(
            [tags.li(line["text"], **{"data-level": line["level"]}) for line in lines]
        )

    @renderer
    def plot(self, request: IRequest | None, tag: Tag) -> Tag:
        """
        The words of a plot.
        """
        return tag(
            **{"aria-label": self._texts[str(tag.attributes["data-plot"]) + "Plot"]}
        )

    @renderer
    def columns(self, request: IRequest | None, tag: Tag) -> Tag:
        """
        Which columns of the history a plot shows.
        """
        name = tag.attributes["data-plot"]
        columns = next(each for plot, _, each in PLOTS if plot == name)
        return tag(**{"data-columns": " ".join(columns)})

    @renderer
    def used(self, request: IRequest | None, tag: Tag) -> Tag:
        """
        How full the spool is.
        """
        return tag(value=self._texts.get("usedPart", "0"))

    @renderer
    def brokers(self, request: IRequest | None, tag: Tag) -> Tag:
        """
        The brokers.
        """
        rows = [_broker(each) for each in self._status["cluster"]["brokers"]]
        return tag(
            rows or _empty("None is known yet: the first message asks for them.")
        )

    @renderer
    def failures(self, request: IRequest | None, tag: Tag) -> Tag:
        """
        What failed lately.
        """
        now, failures = self._status["now"], self._status["failures"]
        rows = [_failure(each, now) for each in failures[:MOST_FAILURES]]
        if len(failures) > MOST_FAILURES:
            rows.append(_empty(f"{len(failures) - MOST_FAILURES} more in /v1/status"))
        return tag(rows or _empty("None since the start."))


def _broker(broker: Mapping[str, str]) -> Tag:
    """
    A broker.
    """
    return tags.li(
        tags.b(broker["brokerName"]),
        " ",
        tags.span(broker["address"], class_="address"),
        " ",
        tags.span(broker["state"], class_="state"),
        " ",
        tags.span(broker["words"], class_="words"),
        **{"data-state": broker["state"]},
    )


def _failure(failure: Mapping[str, Any], now: float) -> Tag:
    """
    A failure.
    """
    when = f"{age(max(0.0, now - failure['last']))} ago"
    return tags.li(
        tags.span(when, class_="when"), " ", failure["words"], class_=failure["kind"]
    )


def _empty(words: str) -> Tag:
    """
    That there is nothing.
    """
    return tags.li(words, class_="empty")
