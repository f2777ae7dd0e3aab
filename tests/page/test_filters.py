"""The language of filters: the same answers in Python and in the browser."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from metasweep.page import assets
from metasweep.page.filters import FilterError, compile_filter

DATA = json.loads(Path(__file__).with_name("filters.json").read_text())
IN_THE_BROWSER = """
async ([source, data]) => {
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const { parse } = await import(url);
  const columns = data.columns.map((name) => ({ name, label: name }));
  const look = (run) => {
    const get = (name) => run[name];
    get.texts = () => Object.values(run).filter((v) => typeof v === "string").map((v) => v.toLowerCase());
    return get;
  };
  const answer = (text) => {
    try {
      const { test, parts } = parse(text, columns);
      const kept = data.runs.filter((run) => test(look(run)));
      const byParts = data.runs.filter((run) => parts.every((part) => part.test(look(run))));
      return kept.length === byParts.length ? kept.map(({ id }) => id) : "parts differ";
    } catch (error) {
      return error.message;
    }
  };
  return [data.cases.map(([text]) => answer(text)), data.mistakes.map(answer)];
}
"""


@pytest.mark.parametrize(("text", "kept"), DATA["cases"])
def test_python_keeps_the_right_runs(text: str, kept: list[str]) -> None:
    test = compile_filter(text, DATA["columns"])
    assert [run["id"] for run in DATA["runs"] if test(run)] == kept


@pytest.mark.parametrize("text", DATA["mistakes"])
def test_a_mistake_is_one_line(text: str) -> None:
    with pytest.raises(FilterError) as caught:
        compile_filter(text, DATA["columns"])
    assert str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_browser_keeps_the_same_runs(browser) -> None:
    tab = browser.new_page()
    try:
        source = assets()["js/base/filter.js"].read_text()
        answers, mistakes = tab.evaluate(IN_THE_BROWSER, [source, DATA])
    finally:
        tab.close()
    wrong = [(text, got) for (text, kept), got in zip(DATA["cases"], answers, strict=True) if got != kept]
    assert wrong == []
    assert [type(answer) for answer in mistakes] == [str] * len(mistakes)
