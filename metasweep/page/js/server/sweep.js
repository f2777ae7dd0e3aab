// The page of a sweep: the study's page, with the additional features of a server.
import { h } from "page/base/dom";
import { literal } from "page/base/filter";
import { decode } from "page/base/data";
import { StudyPage } from "page/study";
import { serverActions } from "page/server/control/actions";
import { place } from "page/server/control/api";
import { SweepControl } from "page/server/control/control";
import { Difference } from "page/server/difference";
import { Leaderboard } from "page/server/leaderboard";
import { refined, showText } from "page/server/control/refine";
import { Warnings } from "page/server/warnings";
import { Workspace } from "page/server/workspace";

const WENT = "_went";

export class SweepPage {
  constructor(root, data) {
    this.control = new SweepControl(decodeURIComponent(location.pathname.split("/")[4]));
    this.data = data;
    this.difference = new Difference(this.control.name, () => this.data);
    this.page = new StudyPage(root, decode(data), (page) => this.extend(page));
    this.load(data, false);
  }

  /** The table has been created or created again. */
  extend({ table, selection, header, sections, bar, columns }) {
    header.querySelector("h1").after(this.control.element);
    if (!table) return;
    table.picked.actions.push(...serverActions(selection, table.picked));
    const { entity, project } = place();
    this.charts = new Workspace(selection, table.picked, `/${encodeURIComponent(entity)}/${encodeURIComponent(project)}`);
    bar?.append(...this.exits(selection));
    this.board = new Leaderboard(selection, this.control.name);
    this.warnings = new Warnings(selection);
    columns.before(this.warnings.element);
    sections.before(this.board.element, this.charts.element);
  }

  /** Exports of a selection: the report's --where, a new sweep, this page as a file. */
  exits(selection) {
    const where = () =>
      showText({ title: "This selection", note: "For the report: metasweep report SWEEP --where '…'", text: forReport(selection) });
    const refine = () =>
      showText({
        title: "A sweep over this selection",
        note: "The same search over what the selected runs have: save it, then metasweep agent sweep.yaml.",
        text: refined(this.config, selection.study, Array.from(selection.runs)),
        name: "sweep.yaml",
        type: "text/yaml",
      });
    const file = h("a", { class: "button", href: `${location.pathname.replace(/\/$/, "")}/page.html`, download: "" }, "As a file");
    return [
      h("button", { type: "button", onclick: where }, "As --where"),
      h("button", { type: "button", onclick: refine }, "Refine"),
      this.difference.menu.element,
      file,
    ];
  }

  load(data, again = true) {
    this.control.load(data.control);
    [this.data, this.config] = [data, data.control.config];
    if (again) this.page.load(decode(data));
    this.board?.load(data.control);
    this.warnings?.load(data.warnings);
    this.charts?.load(data.logged ?? []);
  }
}

/** The selection for the report. It has no column for what happened to runs, so these are listed by id. */
function forReport(selection) {
  const text = selection.expression();
  const ids = () => Array.from(selection.runs, (run) => literal(selection.study.values.id[run])).join(", ");
  return text.includes(WENT) ? `id in (${ids()})` : text;
}
