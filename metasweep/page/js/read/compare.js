// A few runs side by side: their differences, and on request everything else.
import { openWindow } from "page/base/dialog";
import { h, link, wideTable } from "page/base/dom";
import { count, formatValue } from "page/base/format";
import { GROUPS } from "page/charts/drawing/colors";
import { LineChart } from "page/charts/linechart";

/** Shows the runs in a window of their own. */
export function compare(study, runs) {
  const columns = [{ name: "state", label: "State", kind: "text" }, ...study.columns];
  const same = columns.filter((column) => !differs(study, runs, column)).length;
  const all = h("input", { type: "checkbox", onchange: () => fill() });
  const heads = runs.map((run) => h("th", { scope: "col" }, link(study.values.url[run], study.values.name[run] || study.values.id[run])));
  const table = wideTable("Comparison", h("tr", {}, h("th", { scope: "col" }, ""), heads), []);
  const fill = () => {
    const shown = columns.filter((column) => all.checked || differs(study, runs, column));
    table.querySelector("tbody").replaceChildren(...shown.map((column) => line(study, runs, column)));
  };
  fill();
  const label = h("label", { class: "check" }, all, `also the ${same} that do not differ`);
  openWindow(`What differs between ${count(runs.length, "run")}`, [label, table, curves(study, runs)]);
}

/** The curves of the runs, a chart for every metric that one of them has logged over time. */
function curves(study, runs) {
  const ground = document.documentElement.dataset.ground;
  const shown = study.curves.filter((curve) => runs.some((run) => curve.y[run].length > 1));
  const charts = shown.map((curve) => {
    const chart = new LineChart(curve.metric.label);
    const lines = runs.map((run, at) => ({
      name: study.values.name[run] || study.values.id[run],
      color: GROUPS[ground][at],
      points: curve.y[run].map((value, place) => [curve.times(run)[place], value]).filter(([x, y]) => x !== null && y !== null),
    }));
    chart.load({ lines, accuracy: curve.metric.kind === "accuracy" });
    return chart.element;
  });
  return charts.length ? h("div", { class: "chart-grid" }, charts) : null;
}

function differs(study, runs, { name }) {
  const values = study.values[name];
  return runs.some((run) => values[run] !== values[runs[0]]);
}

/** A row; the best of a metric stands out. */
function line(study, runs, column) {
  const values = runs.map((run) => study.values[column.name][run]);
  const numbers = values.filter((value) => typeof value === "number");
  const isMetric = study.metrics.includes(column) && new Set(values).size > 1;
  const best = isMetric && numbers.length ? numbers.reduce((a, b) => (column.goal === "min" ? Math.min(a, b) : Math.max(a, b))) : null;
  const cells = values.map((value) => h("td", {}, value === best && best !== null ? h("strong", {}, formatValue(column, value)) : formatValue(column, value)));
  return h("tr", {}, h("th", { scope: "row" }, column.label), cells);
}
