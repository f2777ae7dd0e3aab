// Which runs are selected, and which one is looked at. Charts and table share one Selection.
import { formatValue } from "page/base/format";
import { carry } from "page/charts/scales";

/** Filters of every kind must all hold; the events are "change" and "highlight". */
export class Selection extends EventTarget {
  constructor(study, layouts) {
    super();
    this.filters = new Map(); // axis name -> {low, high} in fractions of its height, or {levels: Set}
    this.preset = null;
    this.search = "";
    this.highlighted = -1;
    this.load(study, layouts);
  }

  /** Takes a study, again when it was updated; then filters keep the values that they stand for. */
  load(study, layouts) {
    const [before, old] = [this.study, this.layouts];
    this.study = study;
    this.layouts = new Map(layouts.map((layout) => [layout.column.name, layout]));
    this.text = searchTexts(study);
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

  /** Adds a slot of an axis to the filter, or takes it away. */
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

  setSearch(text) {
    this.search = text.trim().toLowerCase();
    this.update();
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
    if (this.search)
      tests.push(...this.search.split(/\s+/).map((word) => (run) => this.text[run].includes(word)));
    this.runs = this.study.order.filter((run) => tests.every((test) => test(run))); // worst first
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

function presetTest(study, { column, minimum, strict }) {
  const values = study.values[column];
  return (run) =>
    typeof values[run] === "number" && (strict ? values[run] > minimum : values[run] >= minimum);
}

/** What the search looks through: name, state, and every value as it is shown and as it is. */
function searchTexts(study) {
  return study.values.id.map((id, run) => {
    const parts = [id, study.values.name[run], study.values.state[run]];
    for (const column of study.columns) {
      const value = study.values[column.name][run];
      if (value !== null) parts.push(`${column.name}=${value}`, formatValue(column, value));
    }
    return parts.join(" ").toLowerCase();
  });
}
