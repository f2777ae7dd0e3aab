// Lines over a common axis: zoom, logarithm, smoothing, bands, non-finite values, and values by key and pointer.
import { axisBottom, axisLeft, scaleLinear, scaleLog } from "d3";
import { h } from "page/base/dom";
import { formatAccuracyTick, formatNumber, formatPercent } from "page/base/format";
import { extent, logTicks, svg } from "page/charts/drawing/plot";
import { smoothed } from "page/charts/drawing/smooth";
import { exportButtons } from "page/charts/export";

const MARGIN = { top: 8, right: 20, bottom: 24, left: 54 };
const MOST_DOTS = 30; // points of a line that are drawn as dots too
const MOST_NAMED = 12; // lines in the legend
const DRAG = 6; // px that make a drag

/**
 * A chart in a box. load() takes {lines: [{name, points: [[x, y]], color, band: [[x, low, high]], marks}],
 * place(x) -> text, accuracy, log, smooth, note}.
 */
export class LineChart {
  constructor(title, height = 150) {
    [this.name, this.height, this.at, this.zoom] = [title, height, null, null];
    this.readout = h("output", { class: "readout" });
    this.reset = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => this.setZoom(null) }, "Whole");
    this.stage = h("div", { class: "stage" });
    this.legend = h("ul", { class: "legend" });
    this.note = h("p", { class: "note", hidden: true });
    this.tools = h("span", { class: "chart-tools" }, this.reset, ...exportButtons(() => this.name, () => this.picture()));
    this.heading = h("h3", { title }, title);
    this.element = h(
      "div",
      { class: "chart-box" },
      h("div", { class: "chart-head" }, this.heading, this.readout, this.tools),
      this.stage,
      this.legend,
      this.note,
    );
    this.svg = svg().classed("line-chart", true).attr("role", "img").attr("tabindex", 0);
    this.stage.append(this.svg.node());
    this.stage.style.height = `${height + MARGIN.top + MARGIN.bottom}px`;
    this.listen();
    new ResizeObserver(() => this.draw()).observe(this.stage);
  }

  listen() {
    const { svg } = this;
    svg.on("pointermove", (event) => (this.drag ? this.dragged(event) : this.look(this.nearest(event))));
    svg.on("pointerleave blur", () => this.look(null));
    svg.on("pointerdown", (event) => this.begin(event));
    svg.on("pointerup pointercancel", (event) => this.end(event));
    svg.on("dblclick", () => this.setZoom(null));
    svg.on("keydown", (event) => this.key(event));
  }

  load(data) {
    this.data = data;
    const key = JSON.stringify([data, this.stage.clientWidth, document.documentElement.dataset.ground]);
    if (key === this.drawn) return;
    this.draw();
    this.drawn = key;
  }

  /** The lines to draw: raw ones and, if smoothing is on, the smooth ones above them. */
  prepare() {
    const { lines, smooth } = this.data;
    this.lines = lines.map((line) => ({ ...line, shown: smooth ? smoothed(line.points, smooth) : line.points }));
    const points = this.lines.flatMap((line) => line.points);
    const bands = this.lines.flatMap((line) => line.band ?? []);
    const xs = [...points.map(([x]) => x), ...bands.map(([x]) => x), ...this.lines.flatMap((line) => (line.marks ?? []).map(([x]) => x))];
    this.whole = extent(xs);
    const [from, to] = this.zoom ?? this.whole ?? [0, 1];
    const within = ([x]) => x >= from && x <= to;
    const ys = [...points.filter(within).map(([, y]) => y), ...bands.filter(within).flatMap(([, low, high]) => [low, high])];
    return { from, to, ys };
  }

  draw() {
    const width = this.stage.clientWidth;
    if (!width || !this.data) return;
    const { from, to, ys } = this.prepare();
    this.log = this.data.log && ys.every((y) => y > 0) && ys.length > 0;
    this.x = scaleLinear(from === to ? [from - 1, to + 1] : [from, to], [MARGIN.left, width - MARGIN.right]);
    this.y = (this.log ? scaleLog : scaleLinear)(domain(ys, this.log), [MARGIN.top + this.height, MARGIN.top]);
    this.width = width;
    this.svg.attr("width", width).attr("height", this.height + MARGIN.top + MARGIN.bottom).selectAll("*").remove();
    this.drawAxes(width, from === to ? from : null);
    const clip = `clip-${(LineChart.count = (LineChart.count ?? 0) + 1)}`;
    this.svg.append("clipPath").attr("id", clip).append("rect")
      .attr("x", MARGIN.left - 3).attr("y", 0).attr("width", width - MARGIN.left - MARGIN.right + 6).attr("height", this.height + MARGIN.top + 3);
    this.plot = this.svg.append("g").attr("clip-path", `url(#${clip})`);
    for (const line of this.lines) this.drawLine(line);
    this.marker = this.svg.append("g");
    this.rubber = this.svg.append("rect").attr("class", "rubber").attr("y", MARGIN.top).attr("height", this.height).attr("visibility", "hidden");
    this.describe();
    this.look(null);
  }

  drawAxes(width, single) {
    const left = axisLeft(this.y).tickSize(-(width - MARGIN.left - MARGIN.right)).tickPadding(6);
    if (this.log) left.tickValues(logTicks(this.y));
    else left.ticks(4);
    left.tickFormat((tick) => this.tick(tick));
    this.svg.append("g").attr("class", "curve-axis grid").attr("transform", `translate(${MARGIN.left},0)`).call(left);
    const whole = this.lines.every(({ points }) => points.every(([x]) => Number.isInteger(x))); // an epoch has no half
    const ticks = this.x.ticks(Math.max(2, Math.min(6, width / 80))).filter((tick) => !whole || Number.isInteger(tick));
    const below = axisBottom(this.x).tickValues(single === null ? ticks : [single]).tickSizeOuter(0);
    this.svg.append("g").attr("class", "curve-axis").attr("transform", `translate(0,${MARGIN.top + this.height})`)
      .call(below.tickFormat((tick) => this.place(tick)));
  }

  drawLine(line) {
    const { color = "var(--accent)", band, marks = [] } = line;
    if (band?.length) {
      const edge = [...band.map(([x, , high]) => [x, high]), ...band.toReversed().map(([x, low]) => [x, low])];
      this.plot.append("polygon").attr("class", "band").attr("fill", color).attr("points", this.path(edge));
    }
    const faint = this.data.smooth ? " faint" : "";
    if (faint) this.plot.append("polyline").attr("class", "run-line faint").attr("stroke", color).attr("points", this.path(line.points));
    this.plot.append("polyline").attr("class", "run-line").attr("stroke", color).attr("points", this.path(line.shown));
    if (line.points.length <= MOST_DOTS && !faint)
      for (const [x, y] of line.points) this.plot.append("circle").attr("class", "run-dot").attr("fill", color).attr("cx", this.x(x)).attr("cy", this.y(y)).attr("r", 2.5);
    for (const [x, sign] of marks) {
      const mark = this.plot.append("text").attr("class", "not-finite").attr("text-anchor", "middle").attr("x", this.x(x));
      mark.attr("y", sign === "∞" ? MARGIN.top + 10 : MARGIN.top + this.height - 2).text(sign === "NaN" ? "×" : sign);
      mark.append("title").text(`${sign} at ${this.place(x)}`);
    }
  }

  path(points) {
    const place = this.log ? points.filter(([, y]) => y > 0) : points;
    return place.map(([x, y]) => `${this.x(x).toFixed(1)},${this.y(y).toFixed(1)}`).join(" ");
  }

  describe() {
    const { lines, note = "" } = this.data;
    const last = lines.length === 1 ? lines[0].points.at(-1) : null;
    const words = lines.length === 1
      ? `${lines[0].points.length} points, last ${last ? this.text(last[1]) : "none"}`
      : `${lines.length} lines`;
    this.svg.attr("aria-label", `${this.name}: ${words}`);
    this.note.textContent = note;
    this.note.hidden = !note;
    this.reset.hidden = !this.zoom;
    const named = lines.length > 1 ? lines.slice(0, MOST_NAMED) : [];
    const items = named.map(({ name, color }) => {
      const swatch = h("span", { class: "swatch" });
      swatch.style.background = color;
      return h("li", {}, swatch, name);
    });
    if (lines.length > MOST_NAMED) items.push(h("li", { class: "muted" }, `and ${lines.length - MOST_NAMED} more`));
    this.legend.replaceChildren(...items);
    this.legend.hidden = !items.length;
  }

  place(x) {
    return this.data.place ? this.data.place(x) : formatNumber(x);
  }

  text(y) {
    return this.data.accuracy ? formatPercent(y) : formatNumber(y);
  }

  tick(y) {
    return this.data.accuracy ? formatAccuracyTick(y) : formatNumber(y);
  }

  /** [line, point] nearest to the pointer; of a single line, the nearest in x. */
  nearest(event) {
    const box = this.svg.node().getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    let [best, distance] = [null, Infinity];
    this.lines?.forEach(({ shown }, line) =>
      shown.forEach(([x, y], point) => {
        const dy = this.lines.length > 1 ? this.y(y) - py : 0;
        const away = Math.hypot((this.x(x) - px) * (this.lines.length > 1 ? 2 : 1), dy);
        if (away < distance) [best, distance] = [[line, point], away];
      }),
    );
    return best;
  }

  /** Marks a point and shows its value; without a point, the newest value of a single line. */
  look(at) {
    this.at = at;
    this.marker?.selectAll("*").remove();
    const [line, point] = at ? [this.lines[at[0]], this.lines[at[0]]?.shown[at[1]]] : [];
    const last = this.lines?.length === 1 ? this.lines[0].points.at(-1) : null;
    const name = this.lines?.length > 1 && line ? `${line.name}: ` : "";
    this.readout.textContent = point ? `${name}${this.text(point[1])} at ${this.place(point[0])}` : last ? this.text(last[1]) : "";
    if (point)
      this.marker.append("circle").attr("class", "run-mark").attr("stroke", line.color ?? "var(--accent)").attr("cx", this.x(point[0])).attr("cy", this.y(point[1])).attr("r", 4.5);
  }

  key(event) {
    const moves = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -Infinity], End: [0, Infinity] };
    if (event.key === "Escape" && this.zoom) {
      event.preventDefault();
      this.setZoom(null);
    } else if ("+-".includes(event.key) && this.at) this.zoomAround(event.key === "+" ? 0.5 : 2);
    else if (event.key in moves && this.lines.length) {
      event.preventDefault();
      const [line, point] = this.at ?? [0, -1];
      const clip = (value, length) => Math.min(Math.max(value, 0), length - 1);
      const to = clip(line + moves[event.key][0], this.lines.length);
      this.look([to, clip(point + moves[event.key][1], this.lines[to].shown.length)]);
    }
  }

  zoomAround(factor) {
    const x = this.lines[this.at[0]].shown[this.at[1]][0];
    const [from, to] = this.x.domain();
    this.setZoom([x - (x - from) * factor, x + (to - x) * factor]);
  }

  setZoom(range) {
    const [low, high] = this.whole ?? [0, 1];
    const kept = range && [Math.max(range[0], low), Math.min(range[1], high)];
    this.zoom = kept && kept[1] > kept[0] && (kept[0] > low || kept[1] < high) ? kept : null;
    this.draw();
  }

  begin(event) {
    if (event.button !== 0) return;
    this.drag = event.clientX - this.svg.node().getBoundingClientRect().left;
    this.svg.node().setPointerCapture(event.pointerId);
  }

  dragged(event) {
    const at = event.clientX - this.svg.node().getBoundingClientRect().left;
    const [from, to] = [Math.min(this.drag, at), Math.max(this.drag, at)];
    this.rubber.attr("x", from).attr("width", to - from).attr("visibility", to - from > DRAG ? "visible" : "hidden");
  }

  end(event) {
    const at = event.clientX - this.svg.node().getBoundingClientRect().left;
    const begun = this.drag;
    this.drag = null;
    this.rubber?.attr("visibility", "hidden");
    if (begun !== null && begun !== undefined && Math.abs(at - begun) > DRAG)
      this.setZoom([this.x.invert(Math.min(begun, at)), this.x.invert(Math.max(begun, at))]);
  }

  picture() {
    return { layers: [this.svg.node()], width: this.width, height: this.height + MARGIN.top + MARGIN.bottom, title: this.name };
  }
}

/** Adds room around the values, but not below zero if no value is negative, and none on a logarithmic axis. */
function domain(values, log) {
  const [low, high] = extent(values) ?? [0, 1];
  if (log) return low === high ? [low / 2, high * 2] : [low, high];
  const room = (high - low) * 0.06 || Math.abs(high) * 0.05 || 1;
  return [low >= 0 ? Math.max(0, low - room) : low - room, high + room];
}
