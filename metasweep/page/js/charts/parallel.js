// Parallel coordinates: lines on a canvas, axes and brushes in SVG above it.
import { AxisView } from "page/charts/drawing/axis";
import { asPaths, exportButtons } from "page/charts/export";
import { runColors } from "page/charts/drawing/colors";
import { drawColorBar } from "page/charts/drawing/colorbar";
import { fitText, h, sizeCanvas, textWidth, whenResized } from "page/base/dom";
import { Painter, thin } from "page/charts/drawing/painter";
import { svg } from "page/charts/drawing/plot";

const HEIGHT = 420;
const MARGIN = { top: 44, right: 132, bottom: 12 };
const NARROWEST_GAP = 108; // between two axes; the chart scrolls sideways before it gets narrower
const MOST_GHOSTS = 1500;
const NEAR = 9; // px; a line this near to the pointer is highlighted

export class Parallel {
  constructor(root, selection) {
    this.selection = selection;
    this.canvas = h("canvas", { class: "lines", "aria-hidden": "true" });
    this.ghosts = h("canvas", { class: "lines", "aria-hidden": "true" });
    this.hover = h("canvas", { class: "lines", "aria-hidden": "true" });
    this.svg = svg().attr("role", "group").attr("aria-label", "Parallel coordinates: one axis per parameter and metric");
    this.stage = h("div", { class: "stage" }, this.ghosts, this.canvas, this.hover, this.svg.node());
    this.wide = h("p", { class: "note wide-hint", hidden: true });
    this.exports = exportButtons(
      () => "parallel coordinates",
      () => this.picture(),
    );
    root.append(this.stage);
    [this.painter, this.ghostPainter] = [new Painter(this.canvas), new Painter(this.ghosts)];
    selection.addEventListener("change", () => this.draw());
    selection.addEventListener("highlight", () => this.drawHover());
    this.svg.on("pointermove", (event) => event.buttons || selection.highlight(this.nearest(event)));
    this.svg.on("pointerleave", () => selection.highlight(-1));
    this.svg.on("click", (event) => this.pick(event));
    whenResized(root, () => this.layout());
    this.root = root;
  }

  /** Places the axes for a width and draws everything again. A chart that is too wide scrolls; on paper it shrinks. */
  layout(width = this.root.clientWidth, paper = false) {
    const { study, layouts } = this.selection;
    this.theme = document.documentElement.dataset.ground;
    const axes = [...layouts.values()].filter((layout) => layout.shown);
    const left = 30 + Math.min(150, labelWidth(axes[0]));
    const inner = Math.max(width - left - MARGIN.right, NARROWEST_GAP * (axes.length - 1));
    const gap = axes.length > 1 ? inner / (axes.length - 1) : 0;
    this.size = { width: left + inner + MARGIN.right, height: HEIGHT + MARGIN.top + MARGIN.bottom };
    this.x = axes.map((_, index) => left + index * gap);
    this.colors = runColors(study, layouts.get(study.color.name), this.theme);
    this.y = axes.map((axis) => Float64Array.from(axis.position, (at) => MARGIN.top + (axis.flipped ? at : 1 - at) * HEIGHT));
    this.wide.hidden = paper || this.size.width <= width + 1;
    this.wide.textContent = `${axes.length} axes are wider than this page: scroll sideways, or hide some under Axes.`;
    this.stage.style.width = `${this.size.width}px`;
    this.stage.style.height = `${this.size.height}px`;
    this.stage.style.zoom = paper ? Math.min(1, width / this.size.width) : "";
    for (const painter of [this.painter, this.ghostPainter])
      painter.resize(this.size.width, this.size.height);
    this.drawAxes(axes, gap);
    this.drawGhosts();
    this.draw();
  }

  drawAxes(axes, gap) {
    this.svg.attr("width", this.size.width).attr("height", this.size.height).selectAll("*").remove();
    this.views = axes.map((axis, index) => {
      const group = this.svg.append("g").attr("transform", `translate(${this.x[index]},${MARGIN.top})`);
      const room = index === 0 ? 150 : gap - 30;
      return new AxisView(group, axis, this.selection, { height: HEIGHT, room, title: Math.max(gap, 90) });
    });
    const place = { x: this.x.at(-1) + 34, top: MARGIN.top, height: HEIGHT };
    this.bar = drawColorBar(this.svg.append("g"), this.selection, this.theme, place);
  }

  draw(now = false) {
    if (!this.x) return;
    this.ghosts.style.visibility = this.selection.narrowed ? "visible" : "hidden";
    if (now) this.painter.paintNow(this.lines());
    else this.painter.paint(this.lines());
    for (const view of this.views) view.update();
    this.bar.update();
  }

  /** The selected runs, as a painter takes them. */
  lines() {
    const { runs, study } = this.selection;
    return {
      runs,
      alpha: clip(10 / Math.sqrt(runs.length), 0.5, 0.85),
      width: (4 / 3) * clip(22 / Math.sqrt(study.count), 0.95, 1.6), // points to pixels
      stroke: (context, run) => this.stroke(context, run, this.colors[run]),
    };
  }

  /** All the runs, faint, behind the selected ones. */
  ghostLines() {
    const runs = thin(this.selection.study.order, MOST_GHOSTS);
    const color = getComputedStyle(this.root).getPropertyValue("--ghost");
    return {
      runs,
      alpha: clip(4 / Math.sqrt(runs.length), 0.1, 0.6),
      width: 1,
      stroke: (context, run) => this.stroke(context, run, color),
    };
  }

  drawGhosts() {
    this.ghostPainter.paintNow(this.ghostLines());
  }

  /** What is saved: the lines as paths, and the axes above them. */
  picture() {
    const lines = [...(this.selection.narrowed ? [this.ghostLines()] : []), this.lines()];
    return { layers: [...lines.map(asPaths), this.svg.node()], ...this.size, title: this.svg.attr("aria-label") };
  }

  /** One run: cubics with horizontal tangents at the axes, so no curve overshoots. */
  stroke(context, run, color) {
    const { x, y } = this;
    context.strokeStyle = color;
    context.beginPath();
    if (x.length === 1) context.moveTo(x[0] - 8, y[0][run]);
    else context.moveTo(x[0], y[0][run]);
    for (let axis = 1; axis < x.length; axis += 1) {
      const middle = (x[axis - 1] + x[axis]) / 2;
      context.bezierCurveTo(middle, y[axis - 1][run], middle, y[axis][run], x[axis], y[axis][run]);
    }
    if (x.length === 1) context.lineTo(x[0] + 8, y[0][run]);
    context.stroke();
  }

  drawHover() {
    const run = this.selection.highlighted;
    if (!this.size) return;
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    if (this.hover.width !== Math.round(this.size.width * ratio) || run >= 0 || this.hovering) {
      this.paintHover(run, ratio);
    }
    this.hovering = run >= 0;
  }

  paintHover(run, ratio) {
    const context = sizeCanvas(this.hover, this.size.width, this.size.height, ratio);
    if (run < 0) return;
    const style = getComputedStyle(this.root);
    context.lineWidth = 6;
    this.stroke(context, run, style.getPropertyValue("--card"));
    context.lineWidth = 2.6;
    this.stroke(context, run, style.getPropertyValue("--ink"));
  }

  /** The selected run whose line passes nearest to the pointer, -1 when none is near. */
  nearest(event) {
    const box = this.svg.node().getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    const axis = this.x.findIndex((at, index) => px >= at && px <= this.x[index + 1]);
    if (axis < 0) return -1;
    const weight = heightAt((px - this.x[axis]) / (this.x[axis + 1] - this.x[axis]));
    const [from, to] = [this.y[axis], this.y[axis + 1]];
    let [best, distance] = [-1, NEAR];
    for (const run of this.selection.runs) {
      const away = Math.abs(from[run] + (to[run] - from[run]) * weight - py);
      if (away <= distance) [best, distance] = [run, away];
    }
    return best;
  }

  pick(event) {
    if (event.defaultPrevented || event.target.closest(".axis")) return;
    const run = this.nearest(event);
    this.selection.highlight(run);
    this.selection.dispatchEvent(
      new CustomEvent("pick", { detail: { run, x: event.clientX, y: event.clientY } }),
    );
  }
}

/** The height of a cubic with control points at half the gap, at a fraction of its width. */
function heightAt(fraction) {
  let [low, high] = [0, 1];
  for (let step = 0; step < 24; step += 1) {
    const t = (low + high) / 2;
    if (1.5 * t * (1 - t) + t ** 3 < fraction) low = t;
    else high = t;
  }
  return 3 * low ** 2 - 2 * low ** 3;
}

function labelWidth(axis) {
  const labels = [...axis.slots, ...axis.ticks].map((mark) =>
    fitText(mark.label, 150, "12px Inter, sans-serif"),
  );
  return Math.max(24, ...labels.map((label) => textWidth(label, "12px Inter, sans-serif")));
}

function clip(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
