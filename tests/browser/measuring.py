"""
Whether what a page shows can be read: whether there is room for it, and whether its
colours differ enough.
"""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .visits import Visitor

CONTRAST = 4.5
"""
The least contrast of a text with what is behind it, by WCAG 2.2, level AA.
"""

PALE = """
const least = arguments[0];
const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
const luminance = (colour) => {
  const [r, g, b] = colour.map((part) => {
    const value = part / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (element) => {
  for (let each = element; each; each = each.parentElement) {
    const colour = numbers(getComputedStyle(each).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour.slice(0, 3);
  }
  return [255, 255, 255];
};
const opacity = (element) => {
  let part = 1;
  for (let each = element; each; each = each.parentElement) {
    part *= getComputedStyle(each).opacity;
  }
  return part;
};
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const text = walker.currentNode.textContent.trim();
  const element = walker.currentNode.parentElement;
  if (!text || !element.getClientRects().length) continue;
  if (element.closest("noscript")) continue;
  const ground = behind(element);
  const part = opacity(element);
  const ink = numbers(getComputedStyle(element).color).slice(0, 3)
    .map((value, index) => value * part + ground[index] * (1 - part));
  const both = [luminance(ink), luminance(ground)];
  const [dark, light] = [Math.min(...both), Math.max(...both)];
  const contrast = (light + 0.05) / (dark + 0.05);
  if (contrast < least) found.push(`${text.slice(0, 40)}: ${contrast.toFixed(2)}`);
}
return found;
"""

OVERFLOWING = """
const found = [];
const width = document.documentElement.clientWidth;
if (document.documentElement.scrollWidth > width) found.push("the page");
for (const each of document.querySelectorAll("body *")) {
  const box = each.getBoundingClientRect();
  if (!box.width || each.closest("svg, dialog, option")) continue;
  const name = `${each.tagName} ${each.textContent.trim().slice(0, 40)}`;
  if (box.right > width + 0.5 || box.left < -0.5) found.push(`${name} is outside`);
  if (each.scrollWidth > each.clientWidth + 1 && each.clientWidth) {
    found.push(`${name} has no room`);
  }
}
return found;
"""


def pale(page: Visitor) -> list[str]:
    """
    The texts whose colour is too near to that behind them.
    """
    found: list[str] = page.driver.execute_script(PALE, CONTRAST)
    return found


def overflowing(page: Visitor) -> list[str]:
    """
    The elements there is no room for.
    """
    found: list[str] = page.driver.execute_script(OVERFLOWING)
    return found


def shoot(page: Visitor, path: str) -> None:
    """
    Take a screenshot of the whole page.

    @param path: Where to put it, as PNG.
    """
    size = page.driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
    shown = {"clip": {**size, "scale": 1}, "captureBeyondViewport": True}
    taken = page.driver.execute_cdp_cmd("Page.captureScreenshot", shown)
    Path(path).write_bytes(b64decode(taken["data"]))
