// A project: its sweeps with their progress, and a table of all its runs.
import { decode } from "page/base/data";
import { Details } from "page/read/details";
import { h, link, refillList } from "page/base/dom";
import { card, progress } from "page/read/sections";
import { Selection } from "page/selection";
import { heading } from "page/server/parts";
import { ago } from "page/server/time";
import { RunTable } from "page/table/table";

export class ProjectPage {
  constructor(root, data) {
    const study = decode(data.study);
    this.sweepList = h("ul", { class: "sweep-list" });
    this.sweeps = card("Sweeps", this.sweepList);
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
    this.sweeps.hidden = data.sweeps.length === 0;
    refillList(this.sweepList, data.sweeps, sweepItem);
    if (this.table) {
      const before = this.selection.study;
      this.selection.load(study, []);
      this.table.load();
      this.details.load(before);
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
