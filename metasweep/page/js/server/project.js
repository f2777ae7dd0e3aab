// A project: its sweeps with their progress, and a table of all its runs.
import { decode } from "page/base/data";
import { Details } from "page/read/details";
import { h, link, refillList } from "page/base/dom";
import { card, progress } from "page/read/sections";
import { Selection } from "page/selection";
import { serverActions } from "page/server/control/actions";
import { heading } from "page/server/parts";
import { ago } from "page/server/time";
import { Workspace } from "page/server/workspace";
import { RunTable } from "page/table/table";

const MOST_IN_SIGHT = 5; // sweeps; more are scrolled, so that the runs stay near

export class ProjectPage {
  constructor(root, data) {
    const study = decode(data.study);
    this.sweepList = h("ul", { class: "sweep-list", tabindex: 0, "aria-label": "Sweeps" });
    this.sweepCount = h("p", { class: "note" });
    this.sweeps = card("Sweeps", this.sweepCount, this.sweepList);
    this.more = h("p", { class: "note", hidden: true });
    this.subtitle = h("p", { class: "subtitle" });
    this.runs = card("Runs");
    root.replaceChildren(
      heading(data.title, null, () => this.table?.drawRows()),
      this.subtitle,
      this.sweeps,
      this.runs,
    );
    this.load(data, study);
    addEventListener("beforeprint", () => this.table?.print());
    addEventListener("afterprint", () => this.table?.drawRows());
  }

  load(data, study = decode(data.study)) {
    this.subtitle.textContent = data.subtitle;
    this.sweeps.hidden = data.sweeps.length === 0;
    this.sweepCount.textContent = `${data.sweeps.length} sweeps, newest first.`;
    this.sweepCount.hidden = data.sweeps.length <= MOST_IN_SIGHT;
    this.sweepList.classList.toggle("bounded", data.sweeps.length > MOST_IN_SIGHT);
    refillList(this.sweepList, data.sweeps, sweepItem);
    this.more.textContent = `The newest ${study.count.toLocaleString("en")} of ${data.total.toLocaleString("en")} runs.`;
    this.more.hidden = data.total <= study.count;
    if (this.table) {
      const before = this.selection.study;
      this.selection.load(study, []);
      this.table.load();
      this.details.load(before);
    } else if (study.count) this.start(study);
    else this.runs.lastElementChild.after(...(this.empty ? [] : [(this.empty = emptyNote())]));
    this.charts?.load(data.logged);
  }

  start(study) {
    this.empty?.remove();
    this.runs.append(this.more);
    this.selection = new Selection(study, []);
    this.table = new RunTable(this.runs, this.selection, { name: "_created", descending: true });
    this.table.picked.actions.push(...serverActions(this.selection, this.table.picked));
    this.details = new Details(this.selection);
    this.charts = new Workspace(this.selection, this.table.picked, location.pathname.split("/").slice(0, 3).join("/"));
    this.runs.after(this.charts.element);
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
