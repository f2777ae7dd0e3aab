// Histograms over steps: a column per step, darker where more values lie.
import { axisBottom, axisLeft, scaleLinear } from "d3";
import { h } from "page/base/dom";
import { formatNumber } from "page/base/format";
import { extent, svg } from "page/charts/drawing/plot";
import { exportButtons } from "page/charts/export";
import { card } from "page/read/sections";

const HEIGHT = 170;
const MARGIN = { top: 8, right: 20, bottom: 24, left: 54 };

export class Histograms {
  constructor() {
    this.maps = new Map();
    this.body = h("div", { class: "chart-grid" });
    this.element = card("Histograms", this.body);
  }

  load(data) {
    this.element.hidden = data.length === 0;
    for (const { key, steps } of data) {
      if (!this.maps.has(key)) {
        const map = new HeatMap(key);
        this.maps.set(key, map);
        this.body.append(map.element);
      }
      this.maps.get(key).load(steps);
    }
  }
}

class HeatMap {
  constructor(key) {
    this.key = key;
    this.readout = h("output", { class: "readout" });
    this.stage = h("div", { class: "stage" });
    const buttons = exportButtons(() => key, () => this.picture());
    this.element = h(
      "div",
      { class: "chart-box" },
      h("div", { class: "chart-head" }, h("h3", { title: key }, key), this.readout, h("span", { class: "chart-tools" }, buttons)),
      this.stage,
    );
    this.svg = svg().attr("role", "img").attr("tabindex", 0);
    this.stage.append(this.svg.node());
    this.stage.style.height = `${HEIGHT + MARGIN.top + MARGIN.bottom}px`;
    this.svg.on("pointermove", (event) => this.look(this.columnAt(event)));
    this.svg.on("pointerleave blur", () => this.look(-1));
    this.svg.on("keydown", (event) => this.step(event));
    this.at = -1;
    new ResizeObserver(() => this.draw()).observe(this.stage);
  }

  load(steps) {
    this.steps = steps;
    this.draw();
  }

  draw() {
    const width = this.stage.clientWidth;
    if (!width || !this.steps) return;
    this.width = width;
    const edges = this.steps.flatMap((step) => [step.edges[0], step.edges.at(-1)]);
    const [low, high] = extent(edges);
    const places = this.steps.map(({ step }, at) => step ?? at);
    this.x = scaleLinear([places[0], places.at(-1)], [MARGIN.left, width - MARGIN.right]);
    this.columns = columnsOf(places, this.x, MARGIN.left, width - MARGIN.right);
    this.y = scaleLinear(low === high ? [low - 1, high + 1] : [low, high], [MARGIN.top + HEIGHT, MARGIN.top]);
    this.svg.attr("width", width).attr("height", HEIGHT + MARGIN.top + MARGIN.bottom).selectAll("*").remove();
    const densities = this.steps.flatMap((step) => step.counts.map((count, bin) => density(step, count, bin)));
    const most = Math.max(1e-12, extent(densities)?.[1] ?? 0);
    this.steps.forEach((step, at) => this.drawColumn(step, this.columns[at], most));
    this.svg.append("g").attr("class", "curve-axis").attr("transform", `translate(${MARGIN.left},0)`).call(axisLeft(this.y).ticks(5).tickFormat((tick) => formatNumber(tick)));
    this.svg.append("g").attr("class", "curve-axis").attr("transform", `translate(0,${MARGIN.top + HEIGHT})`)
      .call(axisBottom(this.x).ticks(Math.max(2, Math.min(6, width / 80))).tickFormat((tick) => formatNumber(tick)));
    this.svg.attr("aria-label", `${this.key}: histograms at ${this.steps.length} steps, from ${formatNumber(low)} to ${formatNumber(high)}`);
    this.look(-1);
  }

  drawColumn(step, [left, right], most) {
    step.counts.forEach((count, bin) => {
      if (!count) return;
      const [bottom, top] = [this.y(step.edges[bin]), this.y(step.edges[bin + 1])];
      this.svg.append("rect").attr("class", "heat").attr("x", left).attr("width", Math.max(0.5, right - left))
        .attr("y", top).attr("height", Math.max(0.75, bottom - top))
        .attr("fill-opacity", (0.08 + 0.92 * Math.sqrt(density(step, count, bin) / most)).toFixed(3));
    });
  }

  columnAt(event) {
    const at = event.clientX - this.svg.node().getBoundingClientRect().left;
    return this.columns.findIndex(([left, right]) => at >= left && at <= right);
  }

  step(event) {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!move) return;
    event.preventDefault();
    this.look(Math.min(Math.max(this.at + move, 0), this.steps.length - 1));
  }

  /** Shows a step's histogram in words; without one, the number of histograms. */
  look(at) {
    this.at = at;
    const step = this.steps?.[at];
    if (!step) {
      this.readout.textContent = `${this.steps?.length ?? 0} steps`;
      return;
    }
    const total = step.counts.reduce((a, b) => a + b, 0);
    this.readout.textContent = `step ${step.step}: ${formatNumber(total)} values, median ${formatNumber(quantile(step, total / 2))}`;
  }

  picture() {
    return { layers: [this.svg.node()], width: this.width, height: HEIGHT + MARGIN.top + MARGIN.bottom, title: this.key };
  }
}

function density({ edges }, count, bin) {
  return count / (edges[bin + 1] - edges[bin] || 1);
}

/** From the middle to the previous column to the middle to the next one. */
function columnsOf(places, x, left, right) {
  if (places.length === 1) return [[left, right]];
  return places.map((place, at) => [
    at ? x((places[at - 1] + place) / 2) : left,
    at < places.length - 1 ? x((place + places[at + 1]) / 2) : right,
  ]);
}

/** The value below which so many values are, assuming an even spread within a bin. */
function quantile({ edges, counts }, wanted) {
  let before = 0;
  for (let bin = 0; bin < counts.length; bin += 1) {
    if (before + counts[bin] >= wanted && counts[bin])
      return edges[bin] + ((edges[bin + 1] - edges[bin]) * (wanted - before)) / counts[bin];
    before += counts[bin];
  }
  return edges.at(-1);
}
