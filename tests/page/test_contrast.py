"""WCAG 2.2 AA in both themes, from the colours that the browser computed: text 4.5:1, what is drawn 3:1."""

from __future__ import annotations

from dataclasses import replace

import pytest

from metasweep.page import Progress
from tests.page.synthetic import study

# All that is read, with its colour and the colours behind it, the nearest first.
READ = """() => {
  const shown = (element) => element.checkVisibility({visibilityProperty: true, opacityProperty: true});
  const behind = (element) => {
    const colours = [];
    if (element.ownerSVGElement) {
      const plate = element.parentElement.querySelector(":scope > .plate");
      if (plate) colours.push(getComputedStyle(plate).fill);
    }
    for (let at = element; at; at = at.parentElement) colours.push(getComputedStyle(at).backgroundColor);
    return colours;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.data.trim();
    const unseen = ["SCRIPT", "STYLE", "TITLE", "OPTION"].includes(element.tagName) || !shown(element);
    if (!text || unseen) continue;
    const style = getComputedStyle(element);
    found.push([text, element.ownerSVGElement ? style.fill : style.color, behind(element)]);
  }
  for (const input of document.querySelectorAll("[placeholder]"))
    found.push([input.placeholder, getComputedStyle(input, "::placeholder").color, behind(input)]);
  return found;
}"""
DRAWN = """(selector) => [...document.querySelectorAll(selector)].map((element) => {
  const [style, card] = [element, document.querySelector(".card")].map((one) => getComputedStyle(one));
  const filled = ["INPUT", "SELECT"].includes(element.tagName) ? style.borderTopColor : style.backgroundColor;
  return [element.className || element.tagName, filled, [card.backgroundColor]];
})"""
CANVAS = """(colour) => {
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data];
}"""


def luminance(colour: list[float]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(view, front: str, behind: list[str]) -> float:
    """The ratio of a colour and what lies behind it, translucent layers mixed."""
    mixed = [1.0, 1.0, 1.0]
    layers = []
    for colour in reversed([front, *behind]):
        *rgb, alpha = (part / 255 for part in view.tab.evaluate(CANVAS, colour))
        mixed = [alpha * c + (1 - alpha) * m for c, m in zip(rgb, mixed, strict=True)]
        layers.append(luminance(mixed))
    dark, light = sorted(layers[-2:])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everything_can_be_read_and_seen(open_page, theme: str) -> None:
    progress = Progress(expected=500, finished=400, running=20, failed=10, missing=70)
    view = open_page(replace(study(), progress=progress), color_scheme=theme)
    view.category("Dropout", "0.3").click()
    view.category("Optimizer", "adam").click()
    view.tab.locator("table.runs tbody tr[data-run]").first.click()
    view.settle()
    read = {(front, *behind): text for text, front, behind in view.tab.evaluate(READ)}
    assert len(read) > 10
    poor = {text: contrast(view, front, list(behind)) for (front, *behind), text in read.items()}
    assert {text: ratio for text, ratio in poor.items() if ratio < 4.5} == {}
    drawn = view.tab.evaluate(DRAWN, "input, select, .part-finished, .part-running, .part-failed, .swatch")
    assert {name for name, *_ in drawn} >= {"INPUT", "SELECT", "part-finished", "part-failed"}
    faint = {name: contrast(view, front, behind) for name, front, behind in drawn}
    assert {name: ratio for name, ratio in faint.items() if ratio < 3} == {}
