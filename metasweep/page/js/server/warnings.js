// Warnings of the report while a sweep runs; each one selects its runs.
import { h } from "page/base/dom";
import { columnName, literal } from "page/base/filter";
import { card } from "page/read/sections";

export class Warnings {
  constructor(selection) {
    this.selection = selection;
    this.list = h("ul", { class: "warnings" });
    this.element = card("Warnings", this.list);
    this.element.hidden = true;
    selection.addEventListener("change", () => this.mark());
  }

  load(warnings) {
    this.element.hidden = !warnings.length;
    const key = JSON.stringify(warnings);
    if (key === this.key) return;
    this.key = key;
    this.buttons = warnings.map(({ text, column, value }) => {
      const filter = `${columnName(column)}=${literal(value)}`;
      const show = () => this.selection.setSearch(this.selection.search === filter ? "" : filter);
      return h("button", { type: "button", "data-filter": filter, "data-focus": `warning ${filter}`, "aria-label": `Show these runs: ${text}`, onclick: show }, "Show");
    });
    this.list.replaceChildren(...warnings.map(({ text }, at) => h("li", {}, h("span", {}, text), this.buttons[at])));
    this.mark();
  }

  mark() {
    for (const button of this.buttons ?? []) button.setAttribute("aria-pressed", String(button.dataset.filter === this.selection.search));
  }
}
