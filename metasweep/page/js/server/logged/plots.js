// The plots that the client makes of a logged table (wandb.plot): lines, points, bars, histograms, matrices.
import { GROUPS } from "page/charts/drawing/colors";
import { extent } from "page/charts/drawing/plot";
import { h, wideTable } from "page/base/dom";
import { formatNumber } from "page/base/format";
import { LineChart } from "page/charts/linechart";
import { ScatterChart } from "page/charts/scatter";
import { card } from "page/read/sections";
import { fetchTable } from "page/server/logged/tables";

const BINS = 30;
const MOST_BARS = 60;

export class Plots {
  constructor() {
    this.shown = new Map();
    this.body = h("div", { class: "chart-grid" });
    this.element = card("Plots", this.body);
  }

  load(data) {
    this.element.hidden = data.length === 0;
    for (const plot of data) {
      const made = JSON.stringify(plot);
      const old = this.shown.get(plot.key);
      if (old?.made === made) continue;
      const place = old?.place ?? h("div", { class: "chart-box" });
      if (!old) this.body.append(place);
      this.shown.set(plot.key, { made, place });
      fetchTable(plot.url).then(
        (table) => place.replaceChildren(draw(plot, table)),
        () => place.replaceChildren(h("h3", {}, plot.title), h("p", { class: "note" }, "Its table has not been uploaded yet.")),
      );
    }
  }
}

function draw(plot, { columns, data }) {
  const at = (name) => columns.indexOf(plot.fields[name]);
  const rows = data.map((row) => Object.fromEntries(["x", "y", "group", "value"].map((name) => [name, row[at(name)] ?? null])));
  const missing = Object.values(plot.fields).filter((name) => !columns.includes(name));
  if (missing.length)
    return h("div", {}, h("h3", {}, plot.title), h("p", { class: "note" }, `Its table has no column ${missing.join(", ")}.`));
  return { line, scatter, bar, histogram, matrix }[plot.kind](plot, rows);
}

function line(plot, rows) {
  const groups = [...new Set(rows.map(({ group }) => group))];
  const chart = new LineChart(plot.title);
  const ground = document.documentElement.dataset.ground;
  const lines = groups.map((group, index) => ({
    name: group === null ? plot.title : String(group),
    color: GROUPS[ground][index % GROUPS[ground].length],
    points: rows.filter((row) => row.group === group && isNumber(row.x) && isNumber(row.y)).map(({ x, y }) => [x, y]),
  }));
  chart.load({ lines });
  return chart.element;
}

function scatter(plot, rows) {
  const points = rows.filter(({ x, y }) => isNumber(x) && isNumber(y));
  const chart = new ScatterChart(plot.title);
  chart.load({ points: points.map(({ x, y }) => ({ x, y, text: "" })), xLabel: plot.fields.x, yLabel: plot.fields.y });
  return chart.element;
}

function bar(plot, rows) {
  return bars(plot.title, rows.slice(0, MOST_BARS).map(({ x, y }) => [String(x), Number(y)]), rows.length);
}

function histogram(plot, rows) {
  const values = rows.map(({ value }) => value).filter(isNumber);
  const [low, high] = extent(values) ?? [0, 1];
  const size = (high - low) / BINS || 1;
  const counts = new Array(BINS).fill(0);
  for (const value of values) counts[Math.min(BINS - 1, Math.floor((value - low) / size))] += 1;
  const named = counts.map((count, bin) => [`${formatNumber(low + bin * size)} to ${formatNumber(low + (bin + 1) * size)}`, count]);
  return bars(plot.title, named.filter(([, count]) => count), named.length);
}

/** Bars with names and numbers, as a list that screen readers can read. */
function bars(title, items, all) {
  const most = Math.max(1e-12, ...items.map(([, value]) => Math.abs(value)));
  const rows = items.map(([name, value]) => {
    const strip = h("span", { class: "strip" });
    strip.style.width = `${(100 * Math.abs(value)) / most}%`;
    return h("tr", {}, h("th", { scope: "row" }, name), h("td", { class: "strips" }, strip), h("td", { class: "number" }, formatNumber(value)));
  });
  const more = all > items.length && items.length === MOST_BARS ? h("p", { class: "note" }, `The first ${MOST_BARS} of ${all} bars.`) : null;
  return h("div", {}, h("h3", {}, title), h("table", { class: "plain bars" }, h("tbody", {}, rows)), more);
}

/** Actual against predicted, darker where there are more. */
function matrix(plot, rows) {
  const names = [...new Set([...rows.map(({ x }) => x), ...rows.map(({ y }) => y)])];
  const most = Math.max(1, ...rows.map(({ value }) => value));
  const count = (x, y) => rows.filter((row) => row.x === x && row.y === y).reduce((sum, row) => sum + row.value, 0);
  const head = h("tr", {}, h("th", { scope: "col" }, "actual \\ predicted"), names.map((name) => h("th", { scope: "col", class: "number" }, String(name))));
  const body = names.map((actual) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, String(actual)),
      names.map((predicted) => {
        const value = count(actual, predicted);
        const cell = h("td", { class: "number heat-cell" }, formatNumber(value));
        cell.style.setProperty("--heat", `${Math.round((60 * value) / most)}%`);
        return cell;
      }),
    ),
  );
  return h("div", {}, h("h3", {}, plot.title), wideTable(plot.title, head, body));
}

function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}
