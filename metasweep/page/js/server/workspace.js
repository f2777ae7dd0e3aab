// Charts that the reader creates: lines of any metric over any other, points of two columns, the best so far.
// They show the picked runs, or without any the selected ones, and are stored in the address.
import { choice, h } from "page/base/dom";
import { count, formatAccuracyTick, formatNumber } from "page/base/format";
import { interval } from "page/base/statistics";
import { joined, keep, recall, split } from "page/base/view";
import { bestSoFar } from "page/charts/best";
import { GROUPS, runColors } from "page/charts/drawing/colors";
import { LineChart } from "page/charts/linechart";
import { lineOptions } from "page/charts/drawing/options";
import { ScatterChart } from "page/charts/scatter";
import { layoutAxis } from "page/charts/drawing/scales";
import { card } from "page/read/sections";
import { duration } from "page/server/time";
import { numeric } from "page/table/columns";

const MOST_LINES = 60; // runs with a line of their own
const MOST_MEANT = 500; // runs behind the means of groups
const PLACES = 60; // x values at which a mean is computed
const LATER = 250; // ms from a change of the selection to the request
const X = [
  ["_step", "step"],
  ["_runtime", "time"],
];

export class Workspace {
  constructor(selection, picked, base) {
    Object.assign(this, { selection, picked, base, metrics: [], options: { log: recall("log") === "1", smooth: Number(recall("smooth", "0")) } });
    this.grid = h("div", { class: "chart-grid wide-charts" });
    this.charts = split(recall("charts")).map((text) => this.make(text.split("|")));
    const add = (kind, label) => h("button", { type: "button", onclick: () => this.add(kind) }, label);
    this.element = card(
      "Charts",
      h(
        "div",
        { class: "controls" },
        add("line", "Add lines"),
        add("scatter", "Add points"),
        add("best", "Add best so far"),
        ...lineOptions(this.options, () => this.optionsChanged()),
      ),
      this.grid,
    );
    const later = () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.draw(), LATER);
    };
    selection.addEventListener("change", later);
    picked.addEventListener("change", later);
  }

  load(metrics) {
    this.metrics = metrics;
    this.draw();
  }

  add(kind) {
    const { study } = this.selection;
    const first = this.metrics.includes(study.color.name) ? study.color.name : (this.metrics[0] ?? "");
    const column = study.columns.find((each) => each !== study.color && (numeric(each) || each.kind === "discrete")) ?? study.color;
    const made = this.make({ line: ["line", first, "_step", ""], scatter: ["scatter", study.color.name, column.name], best: ["best", study.color.name] }[kind]);
    this.charts.push(made);
    this.remember();
    this.draw();
    made.element.scrollIntoView({ block: "nearest" });
  }

  make([kind, ...choices]) {
    const chart = kind === "line" ? new LineChart("", 220) : new ScatterChart("", 220);
    const controls = h("div", { class: "controls" });
    const element = h("div", {}, controls, chart.element);
    this.grid.append(element);
    return { kind, choices, chart, controls, element };
  }

  remove(made) {
    this.charts = this.charts.filter((other) => other !== made);
    made.element.remove();
    this.remember();
  }

  optionsChanged() {
    keep("log", this.options.log ? "1" : "");
    keep("smooth", this.options.smooth ? String(this.options.smooth) : "");
    this.draw();
  }

  remember() {
    keep("charts", joined(this.charts.map(({ kind, choices }) => [kind, ...choices].join("|"))));
  }

  /** The runs that are drawn: the picked ones, else the selected ones; the best first. */
  runs() {
    const runs = this.picked.ids.size ? this.picked.runs : Array.from(this.selection.runs);
    const rank = new Map(Array.from(this.selection.study.order, (run, at) => [run, at]));
    return runs.sort((a, b) => rank.get(b) - rank.get(a));
  }

  draw() {
    const { study } = this.selection;
    this.ground = document.documentElement.dataset.ground;
    const colors = runColors(study, this.selection.layouts.get(study.color.name) ?? layoutAxis(study, study.color), this.ground);
    for (const made of this.charts) {
      this.fillControls(made);
      this[made.kind](made, (run) => colors[run]);
    }
  }

  fillControls(made) {
    const options = this.optionsOf(made);
    const key = JSON.stringify([options, made.choices]);
    if (made.key === key) return;
    made.key = key;
    const selects = options.map(([label, values], at) =>
      choice(label, values, made.choices[at] ?? values[0]?.[0], (value) => {
        made.choices[at] = value;
        this.remember();
        this.draw();
      }),
    );
    made.controls.replaceChildren(...selects, h("button", { type: "button", class: "quiet", "aria-label": "Remove this chart", onclick: () => this.remove(made) }, "×"));
  }

  optionsOf({ kind }) {
    const { study } = this.selection;
    const named = (columns) => columns.map(({ name, label }) => [name, label]);
    const numbers = study.columns.filter((column) => study.values[column.name].some((value) => typeof value === "number"));
    const metrics = this.metrics.map((name) => [name, name]);
    if (kind === "best") return [["Metric", named(study.metrics)]];
    if (kind === "scatter") return [["Vertical", named(numbers)], ["Horizontal", named(numbers)]];
    const groups = [["", "every run"], ["*", "mean by all but seed"], ...study.parameters.filter((column) => new Set(study.values[column.name]).size <= 24).map(({ name, label }) => [name, `mean by ${label}`])];
    return [["Metric", metrics], ["Horizontal", [...X, ...metrics]], ["Lines", groups]];
  }

  async line(made, color) {
    const [y, x, group] = made.choices;
    made.chart.name = `${y} over ${X.find(([name]) => name === x)?.[1] ?? x}`;
    made.chart.heading.textContent = made.chart.name;
    const all = this.runs();
    const runs = all.slice(0, group ? MOST_MEANT : MOST_LINES);
    const lines = await this.fetch(made, runs, x, y);
    if (!lines) return;
    const { study } = this.selection;
    const kind = study.columns.find(({ name }) => name === y)?.kind;
    const drawn = group ? this.means(runs, lines, group) : this.each(runs, lines, color);
    const most = group ? GROUPS[this.ground].length : Infinity;
    const notes = [
      drawn.length > most ? `The best ${most} of ${drawn.length} groups.` : "",
      runs.length < all.length ? `The best ${runs.length} of ${count(all.length, "run")}.` : "",
      Object.values(lines).some(({ sampled }) => sampled) ? "Of long runs, the extremes of every stretch." : "",
      Object.keys(lines).length ? "" : "No run that is chosen has logged this.",
    ];
    made.chart.load({
      lines: drawn.slice(0, most),
      place: x === "_runtime" ? duration : null,
      accuracy: kind === "accuracy",
      ...this.options,
      note: notes.filter(Boolean).join(" "),
    });
  }

  /** The lines of some runs, requested again only if the runs or the data have changed; null if no longer wanted. */
  async fetch(made, runs, x, y) {
    const { study } = this.selection;
    const query = String(new URLSearchParams({ x, y, runs: runs.map((run) => study.values.id[run]).join(",") }));
    if (made.request?.query !== query || made.request.study !== study)
      made.request = { query, study, lines: runs.length && y ? this.ask(query) : {} };
    const { request } = made;
    const lines = await request.lines;
    return request === made.request ? lines : null;
  }

  async ask(query) {
    const response = await fetch(`${this.base}/lines?${query}`);
    return response.ok ? (await response.json()).lines : {};
  }

  each(runs, lines, color) {
    const { id, name } = this.selection.study.values;
    const few = runs.length <= GROUPS[this.ground].length;
    return runs
      .filter((run) => lines[id[run]])
      .map((run, at) => {
        const { x, y, marks } = lines[id[run]];
        return { name: name[run] || id[run], color: few ? GROUPS[this.ground][at] : color(run), points: x.map((place, i) => [place, y[i]]), marks };
      });
  }

  /** Mean and 95 % interval of each group's runs, at common x values. */
  means(runs, lines, group) {
    const { study } = this.selection;
    const columns = study.parameters.filter(({ name, seed }) => (group === "*" ? !seed : name === group));
    const groups = new Map();
    for (const run of runs.filter((each) => lines[study.values.id[each]])) {
      const key = columns.map(({ name }) => String(study.values[name][run])).join(" · ");
      groups.set(key, [...(groups.get(key) ?? []), lines[study.values.id[run]]]);
    }
    return [...groups].map(([name, members], at) => {
      const made = meanLine(members);
      return { name: `${name} (${members.length})`, color: GROUPS[this.ground][at % GROUPS[this.ground].length], ...made };
    });
  }

  scatter(made, color) {
    const { study } = this.selection;
    const [yColumn, xColumn] = made.choices.map((name) => study.columns.find((column) => column.name === name) ?? study.color);
    made.chart.name = `${yColumn.label} against ${xColumn.label}`;
    made.chart.heading.textContent = made.chart.name;
    const points = this.runs()
      .map((run) => ({ x: study.values[xColumn.name][run], y: study.values[yColumn.name][run], color: color(run), text: study.values.name[run], run }))
      .filter(({ x, y }) => typeof x === "number" && typeof y === "number");
    made.chart.load({ points, xLabel: xColumn.label, yLabel: yColumn.label, xLog: xColumn.log, yLog: yColumn.log, xText: textOf(xColumn), yText: textOf(yColumn) });
  }

  best(made, color) {
    const { study } = this.selection;
    const column = study.metrics.find(({ name }) => name === made.choices[0]) ?? study.color;
    made.chart.name = `Best ${column.label} so far`;
    made.chart.heading.textContent = made.chart.name;
    made.chart.load({ ...bestSoFar(study, this.runs(), column, color), xLabel: "run, in the order in which they began", yLabel: column.label, yText: textOf(column) });
  }
}

function textOf(column) {
  return column.kind === "accuracy" ? formatAccuracyTick : formatNumber;
}

/** {points, band} of some lines. A line is interpolated between its points, and ends at its last one. */
function meanLine(lines) {
  const from = Math.min(...lines.map(({ x }) => x[0]));
  const to = Math.max(...lines.map(({ x }) => x.at(-1)));
  const places = [...new Set(lines.flatMap(({ x }) => x))].sort((a, b) => a - b);
  const chosen = places.length <= PLACES ? places : Array.from({ length: PLACES }, (_, at) => from + ((to - from) * at) / (PLACES - 1));
  const [points, band] = [[], []];
  for (const place of chosen) {
    const { n, mean, half } = interval(lines.map((line) => valueAt(line, place)).filter((value) => value !== null));
    if (!n) continue;
    points.push([place, mean]);
    if (half !== null) band.push([place, mean - half, mean + half]);
  }
  return { points, band };
}

function valueAt({ x, y }, place) {
  if (place < x[0] || place > x.at(-1)) return null;
  let [low, high] = [0, x.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x[middle] < place) low = middle + 1;
    else high = middle;
  }
  if (x[low] === place || low === 0) return y[low];
  return y[low - 1] + ((y[low] - y[low - 1]) * (place - x[low - 1])) / (x[low] - x[low - 1]);
}
