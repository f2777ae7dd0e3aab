// Runs picked by their check boxes, and what can be done with them.
import { h } from "page/base/dom";
import { count } from "page/base/format";
import { download } from "page/charts/export";

/** The ids of the picked runs. They stay picked when the data change. */
export class Picked extends EventTarget {
  constructor(selection) {
    super();
    this.selection = selection;
    this.ids = new Set();
    this.bar = h("div", { class: "actions", role: "group", "aria-label": "With the picked runs", hidden: true });
    this.actions = [];
  }

  /** The picked runs as indices, in the order of the study. */
  get runs() {
    const { id } = this.selection.study.values;
    return [...id.keys()].filter((run) => this.ids.has(id[run]));
  }

  has(run) {
    return this.ids.has(this.selection.study.values.id[run]);
  }

  set(runs, on) {
    const { id } = this.selection.study.values;
    for (const run of runs) {
      if (on) this.ids.add(id[run]);
      else this.ids.delete(id[run]);
    }
    this.changed();
  }

  clear() {
    this.ids.clear();
    this.changed();
  }

  /** Forgets runs that an updated study no longer has. */
  load() {
    const there = new Set(this.selection.study.values.id);
    for (const id of this.ids) if (!there.has(id)) this.ids.delete(id);
    this.changed();
  }

  changed() {
    const number = this.ids.size;
    this.bar.hidden = number === 0;
    if (number) {
      const buttons = this.actions.map(({ label, most = Infinity, least = 1, act, danger }) =>
        h("button", { type: "button", class: danger ? "danger" : null, disabled: number > most || number < least, onclick: () => act(this.runs) }, label),
      );
      const none = h("button", { type: "button", class: "clear", onclick: () => this.clear() }, "None");
      this.bar.replaceChildren(h("span", {}, `${count(number, "run")} picked`), ...buttons, none);
    }
    this.dispatchEvent(new Event("change"));
  }
}

/** Saves runs as CSV: id, name, state and every column, values as they are. */
export function saveCsv(study, runs, name) {
  const columns = ["id", "name", "state", ...study.columns.map((column) => column.name)];
  const distinct = [...new Set(columns)];
  const lines = [distinct, ...runs.map((run) => distinct.map((column) => study.values[column][run]))];
  const text = lines.map((line) => line.map(csvCell).join(",")).join("\r\n");
  download(new Blob([`${text}\r\n`], { type: "text/csv" }), `${name.replace(/[^\p{L}\p{N}]+/gu, "-")}.csv`);
}

/** A cell, quoted if needed. A text that a spreadsheet would run as a formula gets a mark in front. */
function csvCell(value) {
  if (value === null || value === undefined) return "";
  const text = typeof value === "string" && /^[=+\-@\t]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
