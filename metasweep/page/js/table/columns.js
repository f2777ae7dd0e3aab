// The columns of the table: which are shown, in which order, how wide, and which stay when it scrolls sideways.
import { fitText, h, textWidth } from "page/base/dom";
import { formatValue } from "page/base/format";
import { menu } from "page/base/menu";
import { joined, keep, recall, split } from "page/base/view";

export const FONT = "13px Inter, ui-sans-serif, system-ui, sans-serif";
const HEAD_FONT = `600 ${FONT}`;
const WIDEST = 260;
const NARROWEST = 48;
const INTERVAL = 132; // px for a mean with its interval
const EXTRA = { name: 38, state: 42 }; // px around the text: padding, and a dot
const NAME = { name: "name", label: "Run", kind: "text" };
const STATE = { name: "state", label: "State", kind: "text" };

export class Columns {
  constructor(onchange) {
    this.onchange = onchange;
    this.order = split(recall("columns")); // of the shown columns; empty: the study's order
    this.pinned = new Set(split(recall("pinned", "name")));
    this.widths = new Map(split(recall("widths")).map((pair) => [pair.slice(pair.indexOf(":") + 1), Number.parseInt(pair, 10)]));
    this.grouped = false; // whether cells hold means
    this.menu = menu("Columns", (body) => this.fill(body));
  }

  /** Takes the columns of a new or updated study. */
  load(study) {
    this.study = study;
    const others = study.columns.filter((column) => column !== study.color);
    this.all = [NAME, STATE, study.color, ...others];
    this.byName = new Map(this.all.map((column) => [column.name, column]));
    const states = new Set(study.values.state);
    const plain = states.size === 1 && states.has("finished");
    this.usual = this.all.filter((column) => (column === STATE ? !plain : column.shown !== false));
    this.natural = new Map();
  }

  /** The shown columns, pinned ones first: [{column, width, left}]; left is null if the column scrolls. */
  get shown() {
    const chosen = this.order.map((name) => this.byName.get(name)).filter(Boolean);
    const columns = chosen.length ? chosen : this.usual;
    const first = columns.filter(({ name }) => this.pinned.has(name));
    let left = 0;
    return [...first, ...columns.filter((column) => !first.includes(column))].map((column) => {
      const needed = this.grouped && numeric(column) ? Math.max(INTERVAL, this.naturalWidth(column)) : this.naturalWidth(column);
      const width = this.widths.get(column.name) ?? needed;
      const place = { column, width, left: first.includes(column) ? left : null };
      left += width;
      return place;
    });
  }

  naturalWidth(column) {
    if (!this.natural.has(column.name)) this.natural.set(column.name, columnWidth(this.study, column));
    return this.natural.get(column.name);
  }

  choose(names) {
    const usual = this.usual.map(({ name }) => name);
    this.order = joined(names) === joined(usual) ? [] : names;
    this.changed();
  }

  names() {
    return this.shown.map(({ column }) => column.name);
  }

  toggle(name, on) {
    this.choose(on ? [...this.names(), name] : this.names().filter((other) => other !== name));
  }

  /** Puts a column before another one, or at the end. */
  move(name, before) {
    if (name === before) return;
    const names = this.names().filter((other) => other !== name);
    const at = names.indexOf(before);
    names.splice(at < 0 ? names.length : at, 0, name);
    if (this.pinned.has(before)) this.pinned.add(name);
    else if (before) this.pinned.delete(name);
    this.choose(names);
  }

  pin(name, on) {
    if (on) this.pinned.add(name);
    else this.pinned.delete(name);
    this.changed();
  }

  /** Sets a width in px; null: as wide as its content. */
  resize(name, width) {
    if (width === null) this.widths.delete(name);
    else this.widths.set(name, Math.max(NARROWEST, Math.round(width)));
    this.changed();
  }

  reset() {
    this.order = [];
    this.pinned = new Set(["name"]);
    this.widths.clear();
    this.changed();
  }

  changed() {
    keep("columns", joined(this.order));
    const pinned = joined([...this.pinned]);
    keep("pinned", pinned === "name" ? "" : pinned);
    keep("widths", joined([...this.widths].map(([name, width]) => `${width}:${name}`)));
    this.onchange();
    if (this.menu.element.open) this.fill(this.menu.body);
  }

  /** The list in which columns are chosen, pinned and moved. */
  fill(body) {
    const focus = document.activeElement?.dataset?.focus;
    const text = body.querySelector("input[type=search]")?.value ?? "";
    const names = this.names();
    const hidden = this.all.filter(({ name }) => !names.includes(name));
    const items = [...names.map((name) => this.byName.get(name)), ...hidden].map((column) => this.item(column, names));
    const list = h("ul", { class: "column-list" }, items);
    const find = h("input", { type: "search", placeholder: "Find a column", "aria-label": "Find a column", value: text });
    const filter = () => {
      for (const item of list.children) item.hidden = !item.dataset.label.includes(find.value.toLowerCase());
    };
    find.addEventListener("input", filter);
    const all = h("button", { type: "button", onclick: () => this.choose(this.all.map(({ name }) => name)) }, "Show all");
    const usual = h("button", { type: "button", onclick: () => this.reset() }, "Reset");
    body.replaceChildren(h("div", { class: "controls" }, find, all, usual), list);
    filter();
    if (focus) body.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus();
  }

  item({ name, label }, names) {
    const [on, at] = [names.includes(name), names.indexOf(name)];
    const box = h("input", { type: "checkbox", checked: on, "data-focus": `column ${name}`, onchange: () => this.toggle(name, box.checked) });
    const button = (text, words, pressed, act) =>
      h("button", { type: "button", class: "quiet", "data-focus": `${words} ${name}`, "aria-label": `${words} ${label}`, "aria-pressed": pressed, disabled: !on, onclick: act }, text);
    return h(
      "li",
      { "data-label": `${label} ${name}`.toLowerCase() },
      h("label", { class: "check" }, box, label),
      h(
        "span",
        {},
        button("↑", "Move up", null, () => at > 0 && this.move(name, names[at - 1])),
        button("↓", "Move down", null, () => at < names.length - 1 && this.move(name, names[at + 2] ?? "")),
        button("pin", "Pin", String(this.pinned.has(name)), () => this.pin(name, !this.pinned.has(name))),
      ),
    );
  }
}

/** Does the column hold numbers? */
export function numeric(column) {
  return column.kind === "accuracy" || column.kind === "number";
}

/** A width for the head and a sample of the values. */
function columnWidth(study, column) {
  const values = study.values[column.name];
  const step = Math.max(1, Math.floor(values.length / 60));
  let widest = textWidth(fitText(column.label, WIDEST, HEAD_FONT), HEAD_FONT);
  for (let run = 0; run < values.length; run += step) {
    widest = Math.max(widest, textWidth(fitText(formatValue(column, values[run]), WIDEST, FONT), FONT));
  }
  return Math.ceil(widest) + (EXTRA[column.name] ?? (numeric(column) ? 30 : 40));
}
