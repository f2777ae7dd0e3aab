// The selected runs as a table: sorted, searched, and only the rows in sight in the document.
import { READABLE, fitText, h, link, perFrame, refill, textWidth } from "page/base/dom";
import { count, formatValue } from "page/base/format";
import { stateClass } from "page/read/details";

const ROW = 30; // px
const SPARE = 8; // rows above and below those in sight
const PRINTED = 400;
const HELP =
  "Conditions such as lr>=0.01, state=failed, model in (cnn, dense), tag:good, /regex/, or words;" +
  " joined by and, or, not and brackets";
const FONT = "13px Inter, ui-sans-serif, system-ui, sans-serif";
const HEAD_FONT = `600 ${FONT}`;
const WIDEST = 260;
const EXTRA = { name: 38, state: 42 }; // px around the text: padding, and a dot

export class RunTable {
  constructor(root, selection, sorted = null) {
    const { color } = selection.study;
    this.selection = selection;
    this.sorted = sorted ?? { name: color.name, descending: color.goal !== "min" };
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
    this.head = h("tr");
    this.body = h("tbody");
    this.table = h("table", { class: "runs", "aria-label": "Runs" }, h("thead", {}, this.head), this.body);
    this.scroller = h("div", { class: "scroller", onscroll: () => this.scrolled() }, this.table);
    root.append(
      h("div", { class: "controls" }, this.search, this.chips, this.status),
      this.problem,
      this.scroller,
    );
    this.focused = -1;
    this.body.addEventListener("pointerover", (event) => this.selection.highlight(rowOf(event)));
    this.body.addEventListener("pointerleave", () => this.selection.highlight(-1));
    this.body.addEventListener("focusin", (event) => this.selection.highlight(rowOf(event)));
    this.body.addEventListener("focusout", () => this.selection.highlight(-1));
    this.body.addEventListener("keydown", (event) => this.key(event));
    this.body.addEventListener("click", (event) => this.pick(event));
    selection.addEventListener(
      "change",
      perFrame(() => this.update(), READABLE),
    );
    selection.addEventListener("highlight", () => this.markRow());
    this.sight = 400; // px
    new ResizeObserver(() => this.resized()).observe(this.scroller);
    this.load();
  }

  /** Takes the columns of the study, again when it was updated. */
  load() {
    const { study } = this.selection;
    const states = new Set(study.values.state);
    const state =
      states.size > 1 || !states.has("finished") ? [{ name: "state", label: "State", kind: "text" }] : [];
    const others = study.columns.filter((column) => column !== study.color);
    this.columns = [{ name: "name", label: "Run", kind: "text" }, ...state, study.color, ...others];
    refill(this.head, this.columns, (columns) => columns.map((column) => this.headCell(column)));
    this.widths = this.columns.map((column) => columnWidth(study, column));
    this.table.style.width = `max(100%, ${this.widths.reduce((a, b) => a + b, 0)}px)`;
    [...this.head.children].forEach((cell, index) => {
      cell.style.width = `${this.widths[index]}px`;
    });
    const { id } = study.values;
    if (this.focused >= 0) this.focused = id.indexOf(this.focusedId);
    this.order();
  }

  headCell(column) {
    const button = h("button", { type: "button", onclick: () => this.sort(column.name) }, column.label);
    return h(
      "th",
      { scope: "col", class: this.classOf(column), "data-column": column.name },
      button,
    );
  }

  /** Numbers stand to the right; on paper there is room for the axes alone. */
  classOf(column) {
    const detail = column.axis === false && column !== this.selection.study.color;
    return [numeric(column) && "number", detail && "detail"].filter(Boolean).join(" ") || null;
  }

  sort(name) {
    const { sorted } = this;
    const column = this.columns.find((other) => other.name === name);
    const downFirst = numeric(column) && column.goal !== "min";
    this.sorted = { name, descending: sorted.name === name ? !sorted.descending : downFirst };
    this.scroller.scrollTop = 0;
    this.order();
  }

  /** All the runs in the order of the sorted column. */
  order() {
    const { study } = this.selection;
    this.ordered = Array.from(study.order).sort(
      comparison(study.values[this.sorted.name], this.sorted.descending),
    );
    this.update();
  }

  update() {
    const { mask } = this.selection;
    this.rows = this.ordered.filter((run) => mask[run]);
    for (const cell of this.head.children) {
      const here = cell.dataset.column === this.sorted.name;
      cell.setAttribute("aria-sort", here ? (this.sorted.descending ? "descending" : "ascending") : "none");
    }
    this.table.setAttribute("aria-rowcount", this.rows.length + 1);
    this.describe();
    this.drawRows();
  }

  /** How many runs there are, the parts of the filter, and why it cannot be read. */
  describe() {
    const { selection } = this;
    const of = selection.narrowed ? ` of ${selection.study.count.toLocaleString("en")}` : "";
    this.status.textContent = `${this.rows.length.toLocaleString("en")}${of} ${this.rows.length === 1 && !of ? "run" : "runs"}`;
    this.search.setAttribute("aria-invalid", String(Boolean(selection.problem)));
    this.problem.textContent = selection.problem;
    this.problem.hidden = !selection.problem;
    this.chips.replaceChildren(...selection.parts.map((part) => this.chip(part)));
    if (document.activeElement !== this.search && this.search.value.trim() !== selection.search)
      this.search.value = selection.search;
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

  resized() {
    this.sight = this.scroller.clientHeight;
    this.drawRows();
  }

  /** Sideways, and within the spare rows, nothing needs to be drawn. */
  scrolled() {
    const first = Math.floor(this.scroller.scrollTop / ROW);
    if (Math.abs(first - this.drawn) >= SPARE / 2) this.drawRows();
  }

  /** Rows in sight, between two empty ones as high as all the others. */
  drawRows() {
    this.drawn = Math.floor(this.scroller.scrollTop / ROW);
    const first = Math.max(0, this.drawn - SPARE);
    const sight = Math.ceil(this.sight / ROW) + 2 * SPARE;
    this.fill(first, Math.min(this.rows.length, first + sight));
  }

  fill(first, last) {
    const focus = this.body.contains(document.activeElement);
    const stop = this.rows.includes(this.focused) ? this.focused : this.rows[0];
    const rows = this.rows.slice(first, last).map((run, index) => this.row(run, first + index, stop));
    this.body.replaceChildren(spacer(first * ROW), ...rows, spacer((this.rows.length - last) * ROW));
    if (!this.rows.length)
      this.body.replaceChildren(
        h("tr", { class: "empty" }, h("td", { colspan: this.columns.length }, "No run matches.")),
      );
    if (focus) this.focusRow(this.focused);
    this.markRow();
  }

  /** A row; the one called `stop` is where Tab leads to. */
  row(run, index, stop) {
    const { study } = this.selection;
    const cells = this.columns.map((column, at) => {
      if (column.name === "name")
        return h("th", { scope: "row" }, link(study.values.url[run], nameOf(study, run), { tabindex: -1 }));
      const text = formatValue(column, study.values[column.name][run]);
      if (column.name === "state")
        return h("td", {}, h("span", { class: `state state-${stateClass(text)}` }, text));
      return h(
        "td",
        {
          class: this.classOf(column),
          title: textWidth(text, FONT) > this.widths[at] - 20 ? text : null,
        },
        text,
      );
    });
    return h("tr", { "data-run": run, "aria-rowindex": index + 2, tabindex: run === stop ? 0 : -1 }, cells);
  }

  markRow() {
    for (const row of this.body.children)
      row.classList.toggle("highlight", Number(row.dataset.run) === this.selection.highlighted);
  }

  key(event) {
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
    const run = rowOf(event);
    const enter = event.key === "Enter" && event.target.matches("tr");
    if (!enter && !(event.key in moves)) return;
    event.preventDefault();
    if (enter) {
      this.pickRun(run, event.target.getBoundingClientRect());
      return;
    }
    const at = Math.min(Math.max(this.rows.indexOf(run) + moves[event.key], 0), this.rows.length - 1);
    this.focusRow(this.rows[at]);
  }

  /** Brings a row into sight and gives it the focus. */
  focusRow(run) {
    const at = this.rows.indexOf(run);
    if (at < 0) return;
    this.focus(run);
    const [top, height] = [at * ROW, this.scroller.clientHeight - 2 * ROW];
    if (top < this.scroller.scrollTop || top > this.scroller.scrollTop + height) {
      this.scroller.scrollTop = top - height / 2;
      this.drawRows();
    }
    const row = this.body.querySelector(`[data-run="${run}"]`);
    for (const other of this.body.children) other.tabIndex = other === row ? 0 : -1;
    row?.focus({ preventScroll: true });
  }

  pick(event) {
    const run = rowOf(event);
    if (run >= 0 && !event.target.closest("a"))
      this.pickRun(run, { left: event.clientX, bottom: event.clientY });
  }

  focus(run) {
    this.focused = run;
    this.focusedId = this.selection.study.values.id[run];
  }

  pickRun(run, { left, bottom }) {
    this.focus(run);
    this.selection.dispatchEvent(new CustomEvent("pick", { detail: { run, x: left + 24, y: bottom } }));
  }

  /** For printing: the best rows, without scrolling. */
  print() {
    this.fill(0, Math.min(PRINTED, this.rows.length));
    this.body.lastElementChild.remove();
    const left = this.rows.length - PRINTED;
    if (this.rows.length && left > 0)
      this.body.append(
        h(
          "tr",
          { class: "empty" },
          h("td", { colspan: this.columns.length }, `and ${count(left, "more run")}`),
        ),
      );
  }
}

function rowOf(event) {
  return Number(event.target.closest("tr")?.dataset.run ?? -1);
}

function nameOf(study, run) {
  return study.values.name[run] || study.values.id[run];
}

function spacer(height) {
  const row = h("tr", { class: "spacer", "aria-hidden": "true" });
  row.style.height = `${height}px`;
  return row;
}

function numeric(column) {
  return column.kind === "accuracy" || column.kind === "number";
}

/** Missing values last, whichever way is sorted. */
function comparison(values, descending) {
  const sign = descending ? -1 : 1;
  return (a, b) => {
    const [x, y] = [values[a], values[b]];
    if (x === y) return a - b;
    if (x === null) return 1;
    if (y === null) return -1;
    if (typeof x === "number" && typeof y === "number") return sign * (x - y);
    return sign * String(x).localeCompare(String(y), "en", { numeric: true });
  };
}

/** Wide enough for the head and for a sample of the values. */
function columnWidth(study, column) {
  const values = study.values[column.name];
  const step = Math.max(1, Math.floor(values.length / 60));
  let widest = textWidth(column.label, HEAD_FONT);
  for (let run = 0; run < values.length; run += step) {
    widest = Math.max(widest, textWidth(fitText(formatValue(column, values[run]), WIDEST, FONT), FONT));
  }
  return Math.ceil(widest) + (EXTRA[column.name] ?? (numeric(column) ? 26 : 40));
}
