// Charts of many metrics, in groups by the beginning of their names.
import { choice, h } from "page/base/dom";
import { Chart } from "page/server/chart";
import { card } from "page/read/sections";

const OTHER = "other";
const FIRST = /^(val|valid|validation|test|eval|train|training)$/i; // what a reader looks for comes first
const MOST_OPEN = 24; // charts; the groups after those begin closed

export class Charts {
  constructor(title, fixedAxis = null) {
    this.fixed = fixedAxis !== null;
    this.axis = fixedAxis ?? "step";
    this.charts = new Map();
    this.groups = new Map();
    this.body = h("div");
    const axes = [["step", "by step"], ["time", "by time"]];
    const controls = fixedAxis ? [] : [h("div", { class: "controls" }, this.search(), choice("Horizontal axis", axes, "step", (axis) => this.choose(axis)))];
    this.element = card(title, ...controls, this.body);
  }

  search() {
    const field = h("input", {
      type: "search",
      placeholder: "Find a metric",
      "aria-label": "Find a metric",
      oninput: () => this.find(field.value.toLowerCase()),
    });
    return field;
  }

  find(text) {
    for (const [key, chart] of this.charts) chart.element.hidden = !key.toLowerCase().includes(text);
  }

  choose(axis) {
    this.axis = axis;
    this.load(this.data);
  }

  load(data) {
    this.data = data;
    this.element.hidden = data.length === 0;
    const items = this.fixed ? data : data.toSorted((a, b) => rank(a.key) - rank(b.key));
    for (const item of items) {
      if (!this.charts.has(item.key)) this.add(item);
      this.charts.get(item.key).load(item, this.axis);
    }
  }

  add(item) {
    const name = this.fixed ? "all" : groupOf(item.key);
    const chart = new Chart(item);
    this.charts.set(item.key, chart);
    if (!this.groups.has(name)) {
      const grid = h("div", { class: "chart-grid" });
      const open = this.charts.size <= MOST_OPEN;
      const group = h("details", { open, class: "chart-group" }, h("summary", {}, name), grid);
      if (this.fixed) this.body.append(grid);
      else if (name === OTHER) this.body.append(group);
      else this.body.insertBefore(group, this.groups.get(OTHER)?.parentNode ?? null);
      this.groups.set(name, grid);
    }
    this.groups.get(name).append(chart.element);
  }
}

/** Results, then the other groups, then what belongs to none. */
function rank(key) {
  const group = groupOf(key);
  return FIRST.test(group) ? 0 : group === OTHER ? 2 : 1;
}

function groupOf(key) {
  return /^([^/.]+)[/.]/.exec(key)?.[1] ?? OTHER;
}
