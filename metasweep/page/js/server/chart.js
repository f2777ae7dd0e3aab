// One metric of one run: a line, two axes, and the value under the pointer or the arrow keys.
import { axisBottom, axisLeft, scaleLinear, select } from "d3";
import { h } from "page/base/dom";
import { formatNumber } from "page/base/format";
import { duration } from "page/server/time";

const HEIGHT = 150;
const MARGIN = { top: 8, right: 20, bottom: 22, left: 50 };

export class Chart {
  constructor(data) {
    this.readout = h("output", { class: "readout" });
    this.title = h("h3", { title: data.key }, data.key);
    this.stage = h("div", { class: "stage" });
    this.element = h("div", { class: "chart-box" }, h("div", { class: "chart-head" }, this.title, this.readout), this.stage);
    this.svg = select(document.createElementNS("http://www.w3.org/2000/svg", "svg"))
      .attr("class", "axes")
      .attr("role", "img")
      .attr("tabindex", 0);
    this.stage.append(this.svg.node());
    this.stage.style.height = `${HEIGHT + MARGIN.top + MARGIN.bottom}px`;
    this.at = -1;
    this.svg.on("pointermove", (event) => this.look(this.indexAt(event)));
    this.svg.on("pointerleave blur", () => this.look(-1));
    this.svg.on("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(this.stage);
    this.load(data, "step"); // drawn once it has a width
  }

  load(data, axis) {
    this.axis = axis;
    this.points = data.y.map((y, at) => [data[axis][at], y]).filter(([x]) => x !== null);
    this.draw();
  }

  /** A time or a step as text. */
  place(x) {
    return this.axis === "time" ? duration(x) : formatNumber(x);
  }

  draw() {
    const width = this.stage.clientWidth;
    if (!width) return;
    const [xs, ys] = [this.points.map(([x]) => x), this.points.map(([, y]) => y)];
    this.x = scaleLinear(domain(xs, 0), [MARGIN.left, width - MARGIN.right]);
    this.y = scaleLinear(domain(ys, 0.06), [MARGIN.top + HEIGHT, MARGIN.top]);
    this.single = new Set(xs).size === 1;
    this.svg.attr("width", width).attr("height", HEIGHT + MARGIN.top + MARGIN.bottom).selectAll("*").remove();
    this.drawAxes(width);
    const path = this.points.map(([x, y]) => `${this.x(x).toFixed(1)},${this.y(y).toFixed(1)}`).join(" ");
    this.svg.append("polyline").attr("class", "run-line").attr("points", path);
    if (this.points.length <= 30)
      for (const [x, y] of this.points) this.dot("run-dot", x, y, 2.5);
    this.marker = this.svg.append("g");
    const last = this.points.at(-1);
    this.svg.attr("aria-label", `${this.title.textContent}: ${this.points.length} points, last ${last ? formatNumber(last[1]) : "none"}`);
    this.look(Math.min(this.at, this.points.length - 1));
  }

  drawAxes(width) {
    const left = axisLeft(this.y).ticks(4).tickFormat((tick) => formatNumber(tick)).tickPadding(6);
    this.svg.append("g").attr("class", "curve-axis grid").attr("transform", `translate(${MARGIN.left},0)`)
      .call(left.tickSize(-(width - MARGIN.left - MARGIN.right)));
    const below = axisBottom(this.x).ticks(Math.max(2, Math.min(6, width / 80))).tickSizeOuter(0);
    if (this.single) below.tickValues([this.points[0][0]]);
    this.svg.append("g").attr("class", "curve-axis").attr("transform", `translate(0,${MARGIN.top + HEIGHT})`)
      .call(below.tickFormat((tick) => this.place(tick)));
  }

  dot(name, x, y, r) {
    const target = name === "run-dot" ? this.svg : this.marker;
    target.append("circle").attr("class", name).attr("cx", this.x(x)).attr("cy", this.y(y)).attr("r", r);
  }

  indexAt(event) {
    const at = this.x.invert(event.clientX - this.svg.node().getBoundingClientRect().left);
    let best = -1;
    this.points.forEach(([x], index) => {
      if (best < 0 || Math.abs(x - at) < Math.abs(this.points[best][0] - at)) best = index;
    });
    return best;
  }

  key(event) {
    const moves = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity };
    if (!(event.key in moves)) return;
    event.preventDefault();
    this.look(Math.min(Math.max(this.at + moves[event.key], 0), this.points.length - 1));
  }

  /** Marks a point and says its value; the newest value when there is none. */
  look(at) {
    this.at = at;
    this.marker?.selectAll("*").remove();
    const last = this.points.at(-1);
    const point = this.points[at];
    this.readout.textContent = point ? `${formatNumber(point[1])} at ${this.place(point[0])}` : last ? formatNumber(last[1]) : "";
    if (point) this.dot("run-mark", point[0], point[1], 4.5);
  }
}

function domain(values, share) {
  if (!values.length) return [0, 1];
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const room = (high - low) * share || (high === low ? Math.abs(high) * 0.05 || 1 : 0);
  const bottom = low - room;
  return [share && low >= 0 ? Math.max(0, bottom) : bottom, high + room]; // no room below zero for what has none
}
