// A project: its sweeps with their progress, and a table of all its runs.
import { decode } from "page/data";
import { Details } from "page/details";
import { h, link } from "page/dom";
import { card, progress } from "page/sections";
import { Selection } from "page/selection";
import { heading } from "page/server/parts";
import { ago } from "page/server/time";
import { RunTable } from "page/table";

export class ProjectPage {
  constructor(root, data) {
    const study = decode(data.study);
    this.sweeps = h("div", { class: "sweeps" });
    this.subtitle = h("p", { class: "subtitle" });
    this.runs = card("Runs");
    root.replaceChildren(
      heading(data.title, null, () => this.table?.drawRows()),
      this.subtitle,
      this.sweeps,
      this.runs,
    );
    this.load(data, study);
  }

  load(data, study = decode(data.study)) {
    this.subtitle.textContent = data.subtitle;
    const items = data.sweeps.map((sweep) => sweepItem(sweep));
    this.sweeps.replaceChildren(...(items.length ? [card("Sweeps", h("ul", { class: "sweep-list" }, items))] : []));
    if (this.table) {
      this.selection.load(study, []);
      this.table.load();
    } else if (study.count) this.start(study);
    else this.runs.lastElementChild.after(...(this.empty ? [] : [(this.empty = emptyNote())]));
  }

  start(study) {
    this.empty?.remove();
    this.selection = new Selection(study, []);
    this.table = new RunTable(this.runs, this.selection, { name: "_created", descending: true });
    this.details = new Details(this.selection);
  }
}

function emptyNote() {
  return h("p", { class: "note" }, "There is no run yet.");
}

function sweepItem(sweep) {
  const words = [sweep.method, sweep.state, `created ${ago(sweep.created)}`];
  return h(
    "li",
    {},
    h(
      "div",
      { class: "sweep-head" },
      link(sweep.url, sweep.name, { class: "sweep-name" }),
      h("span", { class: "muted" }, words.join(" · ")),
      sweep.best ? h("span", { class: "sweep-best" }, h("span", { class: "muted" }, "best "), sweep.best) : null,
    ),
    progress(sweep.progress),
  );
}
