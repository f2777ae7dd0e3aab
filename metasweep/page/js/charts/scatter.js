// Points of two columns, with their names under the pointer and the arrow keys.
import { axisBottom, axisLeft, scaleLinear, scaleLog } from "d3";
import { h } from "page/base/dom";
import { formatNumber } from "page/base/format";
import { exportButtons } from "page/charts/export";
import { extent, logTicks, svg } from "page/charts/drawing/plot";

const MARGIN = { top: 8, right: 20, bottom: 40, left: 58 };
const NEAR = 24; // px

/** load() takes {points: [{x, y, color, text}], xLabel, yLabel, xLog, yLog, xText, yText, line}. */
export class ScatterChart {
  constructor(title, height = 220) {
    [this.name, this.height, this.at] = [title, height, -1];
    this.readout = h("output", { class: "readout" });
    this.heading = h("h3", { title }, title);
    this.stage = h("div", { class: "stage" });
    this.tools = h("span", { class: "chart-tools" }, exportButtons(() => this.name, () => this.picture()));
    this.element = h("div", { class: "chart-box" }, h("div", { class: "chart-head" }, this.heading, this.readout, this.tools), this.stage);
    this.svg = svg().attr("role", "img").attr("tabindex", 0);
    this.stage.append(this.svg.node());
    this.stage.style.height = `${height + MARGIN.top + MARGIN.bottom}px`;
    this.svg.on("pointermove", (event) => this.look(this.nearest(event)));
    this.svg.on("pointerleave blur", () => this.look(-1));
    this.svg.on("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(this.stage);
  }

  load(data) {
    this.data = data;
    this.draw();
  }

  draw() {
    const width = this.stage.clientWidth;
    if (!width || !this.data) return;
    this.width = width;
    const { points, line = [] } = this.data;
    this.x = axis([...points, ...line].map(({ x }) => x), this.data.xLog, [MARGIN.left, width - MARGIN.right]);
    this.y = axis([...points, ...line].map(({ y }) => y), this.data.yLog, [MARGIN.top + this.height, MARGIN.top]);
    this.svg.attr("width", width).attr("height", this.height + MARGIN.top + MARGIN.bottom).selectAll("*").remove();
    this.drawAxes(width);
    for (const { x, y, color } of points) this.svg.append("circle").attr("class", "point").attr("fill", color ?? "var(--accent)").attr("cx", this.x(x)).attr("cy", this.y(y)).attr("r", 3.2);
    const path = line.map(({ x, y }) => `${this.x(x).toFixed(1)},${this.y(y).toFixed(1)}`).join(" ");
    if (path) this.svg.append("polyline").attr("class", "run-line").attr("stroke", "var(--ink)").attr("points", path);
    this.marker = this.svg.append("g");
    this.svg.attr("aria-label", `${this.name}: ${this.data.yLabel} over ${this.data.xLabel}, ${points.length} points`);
    this.look(-1);
  }

  drawAxes(width) {
    const tick = (text) => (value) => (text ? text(value) : formatNumber(value));
    this.svg.append("g").attr("class", "curve-axis grid").attr("transform", `translate(${MARGIN.left},0)`)
      .call(ticked(axisLeft(this.y), this.y, 5).tickFormat(tick(this.data.yText)).tickSize(-(width - MARGIN.left - MARGIN.right)).tickPadding(6));
    this.svg.append("g").attr("class", "curve-axis").attr("transform", `translate(0,${MARGIN.top + this.height})`)
      .call(ticked(axisBottom(this.x), this.x, Math.max(2, Math.min(6, width / 90))).tickFormat(tick(this.data.xText)).tickSizeOuter(0));
    this.svg.append("text").attr("class", "caption").attr("text-anchor", "end").attr("x", width - MARGIN.right).attr("y", this.height + MARGIN.top + MARGIN.bottom - 4).text(this.data.xLabel);
  }

  nearest(event) {
    const box = this.svg.node().getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    let [best, distance] = [-1, NEAR];
    this.data.points.forEach(({ x, y }, at) => {
      const away = Math.hypot(this.x(x) - px, this.y(y) - py);
      if (away < distance) [best, distance] = [at, away];
    });
    return best;
  }

  key(event) {
    const move = { ArrowRight: 1, ArrowLeft: -1, ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!move) return;
    event.preventDefault();
    this.look(Math.min(Math.max(this.at + move, 0), this.data.points.length - 1));
  }

  look(at) {
    this.at = at;
    this.marker?.selectAll("*").remove();
    const point = this.data?.points[at];
    const texts = point && [this.data.xText, this.data.yText].map((text, i) => (text ?? formatNumber)(i ? point.y : point.x));
    this.readout.textContent = point ? [point.text, `${texts[1]} at ${texts[0]}`].filter(Boolean).join(": ") : "";
    if (point) this.marker.append("circle").attr("class", "run-mark").attr("stroke", point.color ?? "var(--accent)").attr("cx", this.x(point.x)).attr("cy", this.y(point.y)).attr("r", 5);
  }

  picture() {
    return { layers: [this.svg.node()], width: this.width, height: this.height + MARGIN.top + MARGIN.bottom, title: this.name };
  }
}

function ticked(made, scale, number) {
  return scale.base ? made.tickValues(logTicks(scale)) : made.ticks(number);
}

function axis(values, log, range) {
  const found = extent(values);
  if (!found) return scaleLinear([0, 1], range);
  const [low, high] = found;
  if (log && low > 0) return scaleLog(low === high ? [low / 2, high * 2] : [low / 1.1, high * 1.1], range);
  const room = (high - low) * 0.05 || Math.abs(high) * 0.05 || 1;
  return scaleLinear([low - room, high + room], range);
}
