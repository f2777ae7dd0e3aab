// The selected runs as a table: filtered, sorted, grouped, and only the rows in sight in the document.
import { READABLE, h, perFrame, refill } from "page/base/dom";
import { count } from "page/base/format";
import { menu } from "page/base/menu";
import { joined, keep, recall, split } from "page/base/view";
import { compare } from "page/read/compare";
import { PICK, headCell, lastLine, rowNode, runsOf, spacer } from "page/table/cells";
import { Columns, numeric } from "page/table/columns";
import { Picked, saveCsv } from "page/table/picked";
import { configurationColumns, groupRows, runRows } from "page/table/rows";

const ROW = 30; // px
const SPARE = 8; // rows above and below those in sight
const PRINTED = 400;
const HELP =
  "Conditions such as lr>=0.01, state=failed, model in (cnn, dense), tag:good, /regex/, or words;" +
  " joined by and, or, not and brackets";

export class RunTable {
  constructor(root, selection, sorted = null) {
    this.selection = selection;
    this.sorted = sortedFrom(recall("sort")) ?? [sorted ?? usualOrder(selection.study)];
    this.grouped = split(recall("group"));
    this.open = new Set();
    this.focused = -1;
    this.sight = 400; // px
    this.columns = new Columns(() => this.arrange());
    this.picked = new Picked(selection);
    this.picked.actions = [
      { label: "Compare", least: 2, most: 5, act: (runs) => compare(selection.study, runs) },
      { label: "CSV", act: (runs) => saveCsv(selection.study, runs, selection.study.title) },
    ];
    this.build(root);
    this.listen();
    this.load();
  }

  build(root) {
    const { selection } = this;
    this.search = h("input", {
      type: "search",
      placeholder: "lr>=0.01 and state=failed",
      "aria-label": "Filter the runs",
      title: HELP,
      value: selection.search,
      oninput: () => selection.setSearch(this.search.value),
    });
    this.status = h("span", { class: "muted" });
    this.problem = h("p", { class: "problem", role: "alert", hidden: true });
    this.chips = h("div", { class: "chips" });
    this.configurations = h("button", { type: "button", onclick: () => this.groupByConfiguration() }, "All but seed");
    this.groups = menu("Group", (body) => this.fillGroups(body));
    const csv = h(
      "button",
      { type: "button", onclick: () => saveCsv(selection.study, this.runsShown(), selection.study.title) },
      "CSV",
    );
    this.head = h("tr");
    this.body = h("tbody");
    this.table = h("table", { class: "runs", "aria-label": "Runs" }, h("thead", {}, this.head), this.body);
    this.scroller = h("div", { class: "scroller", onscroll: () => this.scrolled() }, this.table);
    root.append(
      h("div", { class: "controls" }, this.search, this.columns.menu.element, this.groups.element, this.configurations, csv, this.status),
      this.problem,
      this.chips,
      this.picked.bar,
      this.scroller,
    );
  }

  listen() {
    const { selection, body } = this;
    body.addEventListener("pointerover", (event) => selection.highlight(rowOf(event)));
    body.addEventListener("pointerleave", () => selection.highlight(-1));
    body.addEventListener("focusin", (event) => selection.highlight(rowOf(event)));
    body.addEventListener("focusout", () => selection.highlight(-1));
    body.addEventListener("keydown", (event) => this.key(event));
    body.addEventListener("click", (event) => this.click(event));
    body.addEventListener("change", (event) => this.check(event));
    this.picked.addEventListener("change", () => this.drawn !== undefined && this.drawRows());
    selection.addEventListener(
      "change",
      perFrame(() => this.update(), READABLE),
    );
    selection.addEventListener("highlight", () => this.markRow());
    new ResizeObserver(() => this.resized()).observe(this.scroller);
  }

  /** Takes an updated study. */
  load() {
    const { study } = this.selection;
    this.columns.load(study);
    const known = this.columns.byName;
    this.grouped = this.grouped.filter((name) => known.has(name));
    this.sorted = this.sorted.filter(({ name }) => known.has(name));
    if (!this.sorted.length) this.sorted = [usualOrder(study)];
    const { seeds, others } = configurationColumns(study);
    this.configurations.hidden = !seeds.length || !others.length;
    if (this.focused >= 0) this.focused = study.values.id.indexOf(this.focusedId);
    this.picked.load();
    this.arrange();
  }

  /** Places the columns. */
  arrange() {
    const { study } = this.selection;
    this.columns.grouped = this.grouped.length > 0;
    this.places = this.columns.shown;
    const key = this.places.map(({ column, width, left }) => [column.name, column.label, width, left]);
    refill(this.head, key, () => [this.pickAll(), ...this.places.map((place) => headCell(study, this.columns, place, (name, too) => this.sort(name, too)))]);
    const width = this.places.reduce((sum, place) => sum + place.width, PICK);
    this.table.style.width = `max(100%, ${width}px)`;
    this.update();
  }

  pickAll() {
    this.all = h("input", {
      type: "checkbox",
      "aria-label": "Pick all the runs shown",
      onchange: () => this.picked.set(this.runsShown(), this.all.checked),
    });
    const cell = h("th", { scope: "col", class: "pick pinned" }, this.all);
    cell.style.width = `${PICK}px`;
    cell.style.left = "0";
    return cell;
  }

  /** Sorts by a column, or adds it after the earlier ones. */
  sort(name, too) {
    const column = this.columns.byName.get(name);
    const old = this.sorted.find((each) => each.name === name);
    const descending = old ? !old.descending : numeric(column) && column.goal !== "min";
    if (too && old) old.descending = descending;
    else this.sorted = [...(too ? this.sorted : []), { name, descending }];
    keep("sort", joined(this.sorted.map((each) => `${each.descending ? "-" : "+"}${each.name}`)));
    this.scroller.scrollTop = 0;
    this.update();
  }

  groupBy(names) {
    this.grouped = names;
    this.open.clear();
    keep("group", joined(names));
    this.scroller.scrollTop = 0;
    this.arrange();
  }

  /** One row per configuration, over its seeds; or back to one per run. */
  groupByConfiguration() {
    const names = configurationColumns(this.selection.study).others.map(({ name }) => name);
    this.groupBy(joined(names) === joined(this.grouped) ? [] : names);
  }

  fillGroups(body) {
    const { study } = this.selection;
    const named = [{ name: "state", label: "State" }, ...study.parameters, ...study.details.filter(({ kind }) => kind !== "number")];
    const items = named.map(({ name, label }) => {
      const box = h("input", {
        type: "checkbox",
        checked: this.grouped.includes(name),
        onchange: () => this.groupBy(box.checked ? [...this.grouped, name] : this.grouped.filter((other) => other !== name)),
      });
      return h("li", {}, h("label", { class: "check" }, box, label));
    });
    body.replaceChildren(h("ul", { class: "column-list" }, items), h("button", { type: "button", onclick: () => (this.groupBy([]), this.fillGroups(body)) }, "No groups"));
  }

  update() {
    const { study, runs } = this.selection;
    const { byName } = this.columns;
    this.rows = this.grouped.length
      ? groupRows(study, runs, this.grouped, byName, this.sorted, this.open)
      : runRows(study, runs, this.sorted);
    for (const cell of this.head.children) this.markSorted(cell);
    this.table.setAttribute("aria-rowcount", this.rows.length + 1);
    if (this.grouped.length) this.table.setAttribute("role", "treegrid");
    else this.table.removeAttribute("role");
    const { others } = configurationColumns(study);
    this.configurations.setAttribute("aria-pressed", String(this.grouped.length > 0 && joined(this.grouped) === joined(others.map(({ name }) => name))));
    this.describe();
    this.drawRows();
  }

  markSorted(cell) {
    const at = this.sorted.findIndex(({ name }) => name === cell.dataset.column);
    const order = at < 0 ? "none" : this.sorted[at].descending ? "descending" : "ascending";
    if (cell.dataset.column) cell.setAttribute("aria-sort", order);
    cell.dataset.rank = at >= 0 && this.sorted.length > 1 ? at + 1 : "";
  }

  runsShown() {
    return this.grouped.length ? Array.from(this.selection.runs) : this.rows.map(({ run }) => run);
  }

  /** The number of runs, the parts of the filter, and what is wrong with it. */
  describe() {
    const { selection } = this;
    const runs = selection.runs.length;
    const all = selection.study.count;
    const shown = runs === all ? count(all, "run") : `${runs.toLocaleString("en")} of ${count(all, "run")}`;
    const groups = this.grouped.length ? ` in ${count(this.rows.filter(({ group }) => group).length, "group")}` : "";
    this.status.textContent = shown + groups;
    this.search.setAttribute("aria-invalid", String(Boolean(selection.problem)));
    this.problem.textContent = selection.problem;
    this.problem.hidden = !selection.problem;
    this.chips.replaceChildren(...selection.parts.map((part) => this.chip(part)));
    if (document.activeElement !== this.search && this.search.value.trim() !== selection.search) this.search.value = selection.search;
  }

  chip(part) {
    const remove = () => this.selection.removePart(part);
    return h(
      "button",
      { type: "button", class: "chip", "aria-label": `Remove the filter ${part.text}`, onclick: remove },
      h("span", {}, part.text),
      " ×",
    );
  }

  /** Measures the visible height, except while printing, when all rows are shown. */
  resized() {
    if (matchMedia("print").matches) return;
    this.sight = this.scroller.clientHeight;
    this.drawRows();
  }

  /** Scrolling sideways, or within the spare rows, needs no drawing. */
  scrolled() {
    const first = Math.floor(this.scroller.scrollTop / ROW);
    if (Math.abs(first - this.drawn) >= SPARE / 2) this.drawRows(true);
  }

  /** The visible rows, between two empty ones as high as all the others. `moved`: only the position has changed. */
  drawRows(moved = false) {
    if (!this.rows) return;
    this.drawn = Math.floor(this.scroller.scrollTop / ROW);
    const first = Math.max(0, this.drawn - SPARE);
    const sight = Math.ceil(this.sight / ROW) + 2 * SPARE;
    const last = Math.min(this.rows.length, first + sight);
    if (moved && this.kept?.rows === this.rows) this.shift(first, last);
    else this.fill(first, last);
  }

  fill(first, last) {
    const focus = this.body.contains(document.activeElement) && document.activeElement.matches("tr");
    const stop = this.rows.find(({ run }) => run === this.focused && run >= 0) ?? this.rows[0];
    this.kept = { rows: this.rows, first, last, stop };
    this.body.replaceChildren(spacer(first * ROW), ...this.nodes(first, last), spacer((this.rows.length - last) * ROW));
    if (!this.rows.length) this.body.replaceChildren(lastLine(this.places, "No run matches."));
    if (focus) this.focusRow(this.focused);
    this.all.checked = this.picked.ids.size > 0 && this.picked.ids.size === this.selection.runs.length;
    this.markRow();
  }

  /** Removes rows that are no longer visible, and creates only the new ones. */
  shift(first, last) {
    const { kept, body } = this;
    if (first >= kept.last || last <= kept.first) {
      this.fill(first, last);
      return;
    }
    for (let at = kept.first; at < first; at += 1) body.children[1].remove();
    for (let at = last; at < kept.last; at += 1) body.children[body.children.length - 2].remove();
    body.firstElementChild.after(...this.nodes(first, kept.first));
    body.lastElementChild.before(...this.nodes(kept.last, last));
    body.firstElementChild.style.height = `${first * ROW}px`;
    body.lastElementChild.style.height = `${(this.rows.length - last) * ROW}px`;
    Object.assign(kept, { first, last });
    this.markRow();
  }

  nodes(first, last) {
    return this.rows.slice(first, Math.max(first, last)).map((row, at) =>
      rowNode(this.selection.study, this.places, row, {
        index: first + at,
        stop: row === this.kept.stop,
        open: this.open.has(row.group),
        grouped: this.grouped.length > 0,
        picked: runsOf(row).every((run) => this.picked.has(run)),
      }),
    );
  }

  markRow() {
    for (const row of this.body.children)
      row.classList.toggle("highlight", row.dataset.run !== undefined && Number(row.dataset.run) === this.selection.highlighted);
  }

  key(event) {
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
    if (!event.target.matches("tr")) return;
    const at = this.rowIndex(event.target);
    if (event.key === " ") this.toggle(this.rows[at]);
    else if (event.key === "Enter") this.enter(this.rows[at], event.target.getBoundingClientRect());
    else if (event.key in moves) this.focusAt(Math.min(Math.max(at + moves[event.key], 0), this.rows.length - 1));
    else return;
    event.preventDefault();
  }

  rowIndex(element) {
    return Number(element.getAttribute("aria-rowindex")) - 2;
  }

  enter(row, box) {
    if (row.group) this.fold(row.group);
    else this.pickRun(row.run, box);
  }

  fold(group) {
    if (!this.open.delete(group)) this.open.add(group);
    this.update();
  }

  toggle(row) {
    const runs = runsOf(row);
    this.picked.set(runs, !runs.every((run) => this.picked.has(run)));
  }

  focusRow(run) {
    this.focusAt(this.rows.findIndex((row) => row.run === run));
  }

  /** Scrolls to a row and gives it the focus. */
  focusAt(at) {
    if (at < 0) return;
    if (!this.rows[at].group) this.focus(this.rows[at].run);
    const [top, height] = [at * ROW, this.scroller.clientHeight - 2 * ROW];
    if (top < this.scroller.scrollTop || top > this.scroller.scrollTop + height) {
      this.scroller.scrollTop = top - height / 2;
      this.drawRows();
    }
    const row = this.body.querySelector(`[aria-rowindex="${at + 2}"]`);
    for (const other of this.body.children) other.tabIndex = other === row ? 0 : -1;
    row?.focus({ preventScroll: true });
  }

  check(event) {
    const row = event.target.closest("tr");
    if (row) this.toggle(this.rows[this.rowIndex(row)]);
  }

  click(event) {
    const element = event.target.closest("tr");
    if (!element?.hasAttribute("aria-rowindex") || event.target.closest("a, input, .pick")) return;
    this.enter(this.rows[this.rowIndex(element)], { left: event.clientX, bottom: event.clientY });
  }

  focus(run) {
    this.focused = run;
    this.focusedId = this.selection.study.values.id[run];
  }

  pickRun(run, { left, bottom }) {
    this.focus(run);
    this.selection.dispatchEvent(new CustomEvent("pick", { detail: { run, x: left + 24, y: bottom } }));
  }

  /** For printing: the first rows, without scrolling. */
  print() {
    this.fill(0, Math.min(PRINTED, this.rows.length));
    this.body.lastElementChild.remove();
    const left = this.rows.length - PRINTED;
    if (!this.rows.length) this.body.append(lastLine(this.places, "No run matches."));
    else if (left > 0) this.body.append(lastLine(this.places, `and ${count(left, "more row")}`));
  }
}

/** "+lr,-val/acc" as columns and directions; null for nothing. */
function sortedFrom(text) {
  const found = split(text).map((part) => ({ name: part.slice(1), descending: part[0] === "-" }));
  return found.length ? found : null;
}

function usualOrder({ color }) {
  return { name: color.name, descending: color.goal !== "min" };
}

function rowOf(event) {
  return Number(event.target.closest("tr")?.dataset.run ?? -1);
}
