// Curves over time of the selected runs, one line each or the mean of every group.
import { axisBottom, axisLeft, scaleLinear } from "d3";
import { GROUPS, runColors } from "page/charts/drawing/colors";
import { NEAR, meanOf, distanceTo, flatten, groupLevels, startCurve, valueScale } from "page/charts/curvedata";
import { choice, h, perFrame, refill, whenResized } from "page/base/dom";
import { formatNumber, formatValue } from "page/base/format";
import { Painter, thin } from "page/charts/drawing/painter";
import { extent, svg } from "page/charts/drawing/plot";

const HEIGHT = 300;
const MARGIN = { top: 14, right: 18, bottom: 38, left: 54 };
const MOST_GHOSTS = 800;

export class Curves {
  constructor(root, selection) {
    this.selection = selection;
    this.curve = startCurve(selection.study);
    [this.scaleName, this.group] = ["nines", ""];
    this.controls = h("div", { class: "controls" });
    this.ghosts = h("canvas", { class: "lines", "aria-hidden": "true" });
    this.canvas = h("canvas", { class: "lines", "aria-hidden": "true" });
    this.axes = svg().attr("aria-hidden", "true"); // below the lines
    this.svg = svg().attr("role", "img"); // above them
    this.stage = h("div", { class: "stage" }, this.axes.node(), this.ghosts, this.canvas, this.svg.node());
    this.legend = h("ul", { class: "legend" });
    this.sampled = h("p", { class: "note" }, "Of long runs, the least and the greatest value of every stretch are drawn.");
    root.append(this.controls, this.stage, this.legend, this.sampled);
    [this.painter, this.ghostPainter] = [new Painter(this.canvas), new Painter(this.ghosts)];
    selection.addEventListener(
      "change",
      perFrame(() => this.draw()),
    );
    selection.addEventListener("highlight", () => this.drawHighlight());
    this.svg.on("pointermove", (event) => event.buttons || selection.highlight(this.nearest(event)));
    this.svg.on("pointerleave", () => selection.highlight(-1));
    this.svg.on("click", (event) => this.pick(event));
    whenResized(this.stage, () => this.layout());
    this.fillControls();
  }

  /** Controls for the metric and the group, if there is a choice. */
  fillControls() {
    const { study } = this.selection;
    const metrics = study.curves.map((curve) => [curve.metric.name, curve.metric.label]);
    const scales = [
      ["nines", this.curve.metric.kind === "accuracy" ? "nines scale" : "log scale"],
      ["linear", "linear scale"],
      ["zoom", "zoomed in"],
    ];
    const groups = study.parameters
      .filter((column) => groupLevels(study, column))
      .map((column) => [column.name, `mean by ${column.label}`]);
    const made = () => [
      choice("Metric", metrics, this.curve.metric.name, (name) =>
        this.choose({ curve: study.curves.find((curve) => curve.metric.name === name) }),
      ),
      choice("Scale", scales, this.scaleName, (scaleName) => this.choose({ scaleName })),
      choice("Lines", [["", "every run"], ...groups], this.group, (group) => this.choose({ group })),
    ];
    if (!groups.some(([name]) => name === this.group)) this.group = "";
    refill(this.controls, [metrics, scales, groups, this.curve.metric.name], made);
  }

  choose(change) {
    Object.assign(this, change);
    if ("curve" in change) this.fillControls();
    this.layout();
  }

  /** Takes an updated study. */
  load() {
    const { study } = this.selection;
    this.curve =
      study.curves.find((curve) => curve.metric.name === this.curve?.metric.name) ?? startCurve(study);
    this.fillControls();
    this.layout();
  }

  layout(width = this.stage.clientWidth) {
    const { study, layouts } = this.selection;
    this.theme = document.documentElement.dataset.ground;
    this.size = { width, height: HEIGHT + MARGIN.top + MARGIN.bottom };
    this.colors = runColors(study, layouts.get(study.color.name), this.theme);
    this.stage.style.height = `${this.size.height}px`;
    for (const painter of [this.painter, this.ghostPainter]) painter.resize(width, this.size.height);
    for (const layer of [this.axes, this.svg]) layer.attr("width", width).attr("height", this.size.height);
    this.draw();
  }

  /** Scales over all runs; when zoomed, over the selected ones. */
  rescale() {
    const { study, runs } = this.selection;
    this.sampled.hidden = !this.curve.sampled;
    const shown = this.scaleName === "zoom" ? runs : study.order;
    const [times, values] = flatten(this.curve, shown);
    const measure = valueScale(this.curve.metric, this.scaleName, values);
    const [first, last] = extent(times) ?? [0, 1];
    this.x = scaleLinear()
      .domain(first === last ? [first - 1, last + 1] : [first, last])
      .range([MARGIN.left, this.size.width - MARGIN.right]);
    this.y = scaleLinear()
      .domain(measure.domain)
      .range([MARGIN.top + HEIGHT, MARGIN.top]);
    this.measure = measure;
    this.dots = new Set(times).size <= 3;
    [this.scaleKey, this.scaledStudy] = [this.key(), study];
    this.drawAxes();
    this.drawGhosts();
  }

  drawAxes() {
    const { x, y, measure } = this;
    for (const layer of [this.axes, this.svg]) layer.selectAll("*").remove();
    const whole = x
      .ticks(Math.min(8, this.size.width / 60))
      .filter((tick) => this.curve.x_label !== "epoch" || Number.isInteger(tick));
    this.axes
      .append("g")
      .attr("class", "curve-axis")
      .attr("transform", `translate(0,${MARGIN.top + HEIGHT})`)
      .call(
        axisBottom(x)
          .tickValues(whole)
          .tickFormat((tick) => formatNumber(tick))
          .tickSizeOuter(0),
      );
    const left = axisLeft(y)
      .tickValues(measure.ticks.map(measure.transform))
      .tickFormat((_, index) => measure.label(measure.ticks[index]));
    this.axes
      .append("g")
      .attr("class", "curve-axis grid")
      .attr("transform", `translate(${MARGIN.left},0)`)
      .call(left.tickSize(-(this.size.width - MARGIN.left - MARGIN.right)).tickPadding(8));
    this.axes
      .append("text")
      .attr("class", "caption")
      .attr("text-anchor", "end")
      .attr("x", this.size.width - MARGIN.right)
      .attr("y", this.size.height - 4)
      .text(this.curve.x_label);
    this.highlightLayer = this.svg.append("g");
  }

  draw(now = false) {
    if (!this.size) return;
    const fresh = this.scaledStudy === this.selection.study && this.scaleKey === this.key();
    if (this.scaleName === "zoom" || !fresh) this.rescale();
    this.svg.selectAll(".mean, circle").remove();
    const groups = this.group ? this.means() : [];
    const { runs, narrowed } = this.selection;
    this.ghosts.style.visibility = narrowed && this.scaleName !== "zoom" ? "visible" : "hidden";
    const job = {
      runs,
      alpha: groups.length ? 0.12 : Math.min(Math.max(8 / Math.sqrt(runs.length), 0.35), 0.9),
      width: 1.3,
      stroke: (context, run) => this.stroke(context, run, this.colors[run]),
    };
    if (now) this.painter.paintNow(job);
    else this.painter.paint(job);
    for (const group of groups) this.drawMean(group);
    this.svg.attr(
      "aria-label",
      `${this.curve.metric.label} by ${this.curve.x_label} of ${this.selection.runs.length} runs`,
    );
    this.fillLegend(groups);
  }

  key() {
    return [
      this.curve.metric.name,
      this.scaleName,
      this.size.width,
      this.theme,
    ].join();
  }

  drawGhosts() {
    const color = getComputedStyle(this.stage).getPropertyValue("--ghost");
    const runs = thin(this.selection.study.order, MOST_GHOSTS);
    this.ghostPainter.paintNow({
      runs,
      alpha: 0.25,
      width: 1,
      stroke: (context, run) => this.stroke(context, run, color),
    });
  }

  stroke(context, run, color) {
    const points = this.points(run);
    if (!points.length) return;
    context.strokeStyle = color;
    context.beginPath();
    for (const [x, y] of points) context.lineTo(x, y);
    context.stroke();
    if (!this.dots && points.length > 1) return;
    context.fillStyle = color;
    for (const [x, y] of points) context.fillRect(x - 1.5, y - 1.5, 3, 3);
  }

  /** One run's points in pixels. */
  points(run) {
    const times = this.curve.times(run);
    const values = this.curve.y[run];
    const points = [];
    for (let at = 0; at < values.length; at += 1) {
      if (values[at] !== null) points.push([this.x(times[at]), this.y(this.measure.transform(values[at]))]);
    }
    return points;
  }

  drawHighlight() {
    const run = this.selection.highlighted;
    if (!this.highlightLayer) return;
    this.highlightLayer.selectAll("*").remove();
    if (run < 0) return;
    const path = this.points(run)
      .map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`)
      .join(" ");
    for (const name of ["highlight-halo", "highlight"])
      this.highlightLayer.append("polyline").attr("class", name).attr("points", path);
  }

  /** Mean of the selected runs over time, for each value of the grouping parameter. */
  means() {
    const { study, runs } = this.selection;
    const column = study.parameters.find((parameter) => parameter.name === this.group);
    return groupLevels(study, column).map((level, index) => {
      const members = runs.filter((run) => study.values[column.name][run] === level);
      const points = meanOf(this.curve, members)
        .map(([time, mean]) => [this.x(time), this.y(this.measure.transform(mean))]);
      return { label: formatValue(column, level), color: GROUPS[this.theme][index], points };
    });
  }

  drawMean({ points, color }) {
    const path = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
    this.svg.append("polyline").attr("class", "mean").attr("points", path).attr("stroke", color);
    if (this.dots)
      for (const [x, y] of points)
        this.svg.append("circle").attr("cx", x).attr("cy", y).attr("r", 3.5).attr("fill", color);
  }

  fillLegend(groups) {
    this.legend.replaceChildren(
      ...groups.map(({ label, color, points }) => {
        const swatch = h("span", { class: "swatch" });
        swatch.style.background = color;
        return h("li", {}, swatch, points.length ? label : `${label} (no run)`);
      }),
    );
  }

  nearest(event) {
    const box = this.svg.node().getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    let [best, distance] = [-1, NEAR];
    for (const run of this.selection.runs) {
      const away = distanceTo(this.points(run), px, py);
      if (away <= distance) [best, distance] = [run, away];
    }
    return best;
  }

  pick(event) {
    const run = this.nearest(event);
    this.selection.dispatchEvent(
      new CustomEvent("pick", { detail: { run, x: event.clientX, y: event.clientY } }),
    );
  }
}
