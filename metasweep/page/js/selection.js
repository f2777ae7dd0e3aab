// Which runs are selected, and which one is looked at. Charts and table share one Selection.
import { columnName, literal, parse } from "page/base/filter";
import { keep, recall, recallAll } from "page/base/view";
import { carry } from "page/charts/drawing/scales";

const ALWAYS = [
  { name: "id", label: "id" },
  { name: "name", label: "name" },
  { name: "state", label: "state" },
];

/** Filters of every kind must all hold; the events are "change" and "highlight". */
export class Selection extends EventTarget {
  constructor(study, layouts) {
    super();
    this.filters = new Map(); // axis name -> {low, high} in fractions of its height, or {levels: Set}
    this.preset = null;
    this.search = recall("filter"); // as typed, even if it is not valid
    this.parts = []; // of the filter: {text, test}
    this.problem = ""; // why the search is not valid; then the previous one stays active
    this.highlighted = -1;
    this.load(study, layouts);
    this.recallAxes();
  }

  /** The axis filters in the address: heights on a scale as values, slots as their values. */
  recallAxes() {
    this.preset = this.study.presets.find(({ label }) => label === recall("preset")) ?? null;
    for (const [name, text] of recallAll("axis.")) {
      const layout = this.layouts.get(name);
      const kept = parsed(text);
      if (!layout || !kept) continue;
      if (kept.levels) this.filters.set(name, { levels: new Set(kept.levels) });
      else this.filters.set(name, { low: heightOf(layout, kept.low), high: heightOf(layout, kept.high) });
    }
    this.kept = true; // from now on changes are stored in the address
    this.update();
  }

  /** Keeps the filters on axes in the address. */
  keepAxes() {
    for (const name of this.layouts.keys()) {
      const [filter, layout] = [this.filters.get(name), this.layouts.get(name)];
      if (!filter) keep(`axis.${name}`, "");
      else if (filter.levels) keep(`axis.${name}`, JSON.stringify({ levels: [...filter.levels] }));
      else keep(`axis.${name}`, JSON.stringify({ low: meaningOf(layout, filter.low), high: meaningOf(layout, filter.high) }));
    }
    keep("preset", this.preset?.label ?? "");
  }

  /** Takes a new or updated study. Filters keep their values. */
  load(study, layouts) {
    const [before, old] = [this.study, this.layouts];
    this.study = study;
    this.layouts = new Map(layouts.map((layout) => [layout.column.name, layout]));
    this.looks = looksOf(study);
    this.setParts();
    for (const [name, filter] of this.filters) this.keep(name, filter, old.get(name));
    if (this.preset) this.preset = study.presets.find(({ label }) => label === this.preset.label) ?? null;
    if (this.highlighted >= 0) this.highlighted = study.values.id.indexOf(before.values.id[this.highlighted]);
    this.update();
  }

  /** A filter on an axis whose layout has changed. */
  keep(name, { low, high, levels }, old) {
    const layout = this.layouts.get(name);
    const present = new Set(layout?.slots.map(({ key }) => key));
    if (!layout || (levels && ![...levels].some((key) => present.has(key)))) this.filters.delete(name);
    else if (!levels)
      this.filters.set(name, { low: carry(low, old, layout), high: carry(high, old, layout) });
  }

  /** Keeps the runs between two heights of an axis, or all of them when low is null. */
  setRange(name, low, high) {
    if (low === null) this.filters.delete(name);
    else this.filters.set(name, { low, high });
    this.update();
  }

  /** Adds a slot of an axis to the filter, or removes it. */
  toggleLevel(name, key) {
    const levels = new Set(this.filters.get(name)?.levels);
    if (!levels.delete(key)) levels.add(key);
    if (levels.size) this.filters.set(name, { levels });
    else this.filters.delete(name);
    this.update();
  }

  setPreset(preset) {
    this.preset = preset;
    this.update();
  }

  /** Filters by an expression of page/filters.py. */
  setSearch(text) {
    this.search = text.trim();
    keep("filter", this.search);
    this.setParts();
    this.update();
  }

  setParts() {
    try {
      this.parts = parse(this.search, [...this.study.columns, ...ALWAYS]).parts;
      this.problem = "";
    } catch (error) {
      this.problem = error.message;
    }
  }

  /** Removes a part of the expression. */
  removePart(part) {
    this.setSearch(
      this.parts
        .filter((other) => other !== part)
        .map(({ text }) => text)
        .join(" and "),
    );
  }

  /** The whole selection as one expression, as the report's --where takes it. */
  expression() {
    const axes = [...this.filters].map(([name, filter]) => this.axisExpression(name, filter));
    const { column, minimum, maximum, strict } = this.preset ?? {};
    const preset = [
      (minimum ?? null) !== null ? `${columnName(column)}${strict ? ">" : ">="}${minimum}` : "",
      (maximum ?? null) !== null ? `${columnName(column)}<=${maximum}` : "",
    ];
    return [...this.parts.map(({ text }) => text), ...axes, ...preset].filter(Boolean).join(" and ");
  }

  axisExpression(name, { low, high, levels }) {
    const [layout, column] = [this.layouts.get(name), columnName(name)];
    if (!levels && layout.scale) return layout.expression(column, low, high);
    const kept = (slot) => (levels ? levels.has(slot.key) : slot.top > low && slot.bottom < high);
    const values = layout.slots.filter(kept).map((slot) => literal(slot.key));
    return values.length === 1 ? `${column}=${values[0]}` : `${column} in (${values.join(", ")})`;
  }

  clear() {
    this.filters.clear();
    this.update();
  }

  highlight(run) {
    if (run === this.highlighted) return;
    this.highlighted = run;
    this.dispatchEvent(new Event("highlight"));
  }

  get narrowed() {
    return this.runs.length < this.study.count;
  }

  /** The filter of an axis in words. */
  describe(name) {
    const [filter, layout] = [this.filters.get(name), this.layouts.get(name)];
    if (!filter.levels) return layout.describe(filter.low, filter.high);
    return layout.slots
      .filter((slot) => filter.levels.has(slot.key))
      .map((slot) => slot.label)
      .join(", ");
  }

  update() {
    const tests = [...this.filters].map(([name, filter]) => this.test(this.layouts.get(name), filter));
    if (this.preset) tests.push(presetTest(this.study, this.preset));
    tests.push(...this.parts.map(({ test }) => (run) => test(this.looks(run))));
    this.runs = this.study.order.filter((run) => tests.every((test) => test(run))); // worst first
    if (this.kept) this.keepAxes();
    this.mask = new Uint8Array(this.study.count);
    for (const run of this.runs) this.mask[run] = 1;
    this.dispatchEvent(new Event("change"));
  }

  test(layout, { low, high, levels }) {
    if (!levels) return (run) => layout.position[run] >= low && layout.position[run] <= high;
    const members = new Set(layout.slots.filter((slot) => levels.has(slot.key)).flatMap((slot) => slot.runs));
    return (run) => members.has(run);
  }
}

/** The content of the address; null if somebody has cut it off. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** A height on a scale as {value}, which stays right when the axis grows; elsewhere as {height}. */
function meaningOf({ scale, base }, height) {
  if (!scale || height < base || height >= 1 || height <= 0) return { height };
  return { value: Number(scale.invert((height - base) / (1 - base)).toPrecision(8)) };
}

function heightOf(layout, { value, height } = {}) {
  return value === undefined || !layout.place ? (height ?? 0) : Math.min(Math.max(layout.place(value), layout.base), 1);
}

function presetTest(study, { column, minimum, maximum, strict }) {
  const values = study.values[column];
  return (run) =>
    typeof values[run] === "number" &&
    ((minimum ?? null) === null || (strict ? values[run] > minimum : values[run] >= minimum)) &&
    ((maximum ?? null) === null || values[run] <= maximum);
}

/** What the filter reads of a run: its value in a column, and all its texts for words and expressions. */
function looksOf(study) {
  const { values } = study;
  const named = ["id", "name", "state", ...study.columns.map(({ name }) => name)];
  const textual = [...new Set(named)].filter((name) => values[name].some((value) => typeof value === "string"));
  const cache = new Array(study.count);
  return (run) => {
    const get = (name) => values[name][run];
    get.texts = () =>
      (cache[run] ??= textual
        .map((name) => values[name][run])
        .filter((value) => typeof value === "string")
        .map((value) => value.toLowerCase()));
    return get;
  };
}
