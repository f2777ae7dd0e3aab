// Charts of many metrics of one run, in groups by the beginning of their names.
import { choice, h } from "page/base/dom";
import { count } from "page/base/format";
import { LineChart } from "page/charts/linechart";
import { lineOptions } from "page/charts/drawing/options";
import { card } from "page/read/sections";
import { duration } from "page/server/time";

const OTHER = "other";
const FIRST = /^(val|valid|validation|test|eval|train|training)$/i; // these groups come first
const MOST_OPEN = 24; // charts; later groups are closed at first

export class Charts {
  constructor(title, fixedAxis = null) {
    this.fixed = fixedAxis !== null;
    this.axis = fixedAxis ?? "own";
    this.options = { log: false, smooth: 0 };
    this.charts = new Map();
    this.groups = new Map();
    this.text = "";
    this.body = h("div");
    this.nothing = h("p", { class: "note", hidden: true }, "No metric has such a name.");
    const axes = [
      ["own", "by step, or as defined"],
      ["step", "by step"],
      ["time", "by time"],
    ];
    const controls = fixedAxis
      ? []
      : [
          h(
            "div",
            { class: "controls" },
            this.search(),
            choice("Horizontal axis", axes, "own", (axis) => this.choose({ axis })),
            ...lineOptions(this.options, () => this.choose({})),
          ),
        ];
    this.element = card(title, ...controls, this.nothing, this.body);
  }

  search() {
    const field = h("input", {
      type: "search",
      placeholder: "Find a metric",
      "aria-label": "Find a metric",
      oninput: () => this.find(field.value.trim().toLowerCase()),
    });
    return field;
  }

  /** Shows the charts with such a name, also those of groups that were closed. */
  find(text) {
    const began = this.text === "";
    this.text = text;
    let found = 0;
    for (const { group, grid, charts } of this.groups.values()) {
      if (began && group) group.dataset.open = group.open;
      let here = 0;
      for (const [key, chart] of charts) {
        const hit = key.toLowerCase().includes(text);
        chart.element.hidden = !hit;
        here += hit;
      }
      found += here;
      (group ?? grid).hidden = here === 0;
      if (group) group.open = text ? here > 0 : group.dataset.open === "true";
    }
    this.nothing.hidden = found > 0;
  }

  choose(change) {
    Object.assign(this, change);
    this.load(this.data);
  }

  load(data) {
    this.data = data;
    this.element.hidden = data.length === 0;
    const items = this.fixed ? data : data.toSorted((a, b) => rank(a.key) - rank(b.key));
    for (const item of items) {
      if (!this.charts.has(item.key)) this.add(item);
      this.charts.get(item.key).load(chartData(item, this.axis, this.options));
    }
    if (this.text) this.find(this.text);
  }

  add(item) {
    const name = this.fixed ? "all" : groupOf(item.key);
    const chart = new LineChart(item.key);
    this.charts.set(item.key, chart);
    if (!this.groups.has(name)) this.addGroup(name);
    const { grid, charts, counter } = this.groups.get(name);
    grid.append(chart.element);
    charts.set(item.key, chart);
    if (counter) counter.textContent = count(charts.size, "chart");
  }

  addGroup(name) {
    const grid = h("div", { class: "chart-grid" });
    if (this.fixed) {
      this.body.append(grid);
      this.groups.set(name, { grid, charts: new Map() });
      return;
    }
    const counter = h("span", { class: "muted" });
    const open = this.charts.size <= MOST_OPEN;
    const group = h("details", { open, class: "chart-group" }, h("summary", {}, name, " ", counter), grid);
    if (name === OTHER) this.body.append(group);
    else this.body.insertBefore(group, this.groups.get(OTHER)?.group ?? null);
    this.groups.set(name, { group, grid, counter, charts: new Map() });
  }
}

/** One metric of a run as a chart takes it. */
function chartData(item, axis, { log, smooth }) {
  const chosen = axis === "own" ? (item.defined ? "defined" : "step") : axis;
  const places = item[chosen];
  const points = item.y.map((y, at) => [places[at], y]).filter(([x]) => x !== null);
  const at = { step: 0, time: 1, defined: 2 }[chosen];
  const marks = item.marks.map((mark) => [mark[at], mark.at(-1)]).filter(([x]) => x !== null && x !== undefined);
  return {
    lines: [{ name: item.key, points, marks }],
    place: chosen === "time" ? duration : null,
    accuracy: item.kind === "accuracy",
    log,
    smooth,
    note: [
      chosen === "defined" ? `Over ${item.defined_label}.` : "",
      item.sampled
        ? `${item.seen.toLocaleString("en")} points: of every stretch, the least and the greatest are drawn.`
        : "",
      item.marked ? `${count(item.marked, "value")} not finite.` : "",
    ]
      .filter(Boolean)
      .join(" "),
  };
}

/** Results first, then other groups, then metrics without a group. */
function rank(key) {
  const group = groupOf(key);
  return FIRST.test(group) ? 0 : group === OTHER ? 2 : 1;
}

function groupOf(key) {
  return /^([^/.]+)[/.]/.exec(key)?.[1] ?? OTHER;
}
