// One axis of the parallel coordinates: title, slots, ticks, and a brush, which the keyboard can also move.
import { brushY } from "d3";
import { fitText, textWidth } from "page/base/dom";
import { count } from "page/base/format";

const FONT = "12px Inter, ui-sans-serif, system-ui, sans-serif";
const TITLE_FONT = "600 13px Inter, ui-sans-serif, system-ui, sans-serif";
const REACH = matchMedia("(pointer: coarse)").matches ? 18 : 10; // half the width of the brush, px
const STEP = 0.01; // of the height, per arrow key

export class AxisView {
  constructor(group, layout, selection, { height, room, title }) {
    Object.assign(this, { layout, selection, height, room, name: layout.column.name });
    this.group = group.attr("class", "axis").attr("role", "group").attr("aria-label", layout.column.label);
    group.on("keydown", (event) => this.key(event));
    this.addTitle(title);
    this.addLine();
    this.addBrush();
    this.marks = group.append("g").attr("class", "marks");
    for (const tick of layout.ticks) this.addTick(tick);
    for (const slot of layout.slots) this.addSlot(slot);
    if (layout.ticks.length) this.handles = ["high", "low"].map((end) => this.addHandle(end));
    this.update();
  }

  y(fraction) {
    return (this.layout.flipped ? fraction : 1 - fraction) * this.height;
  }

  /** The fraction of the axis at a height in px. */
  fraction(y) {
    return this.layout.flipped ? y / this.height : 1 - y / this.height;
  }

  addTitle(width) {
    const { label } = this.layout.column;
    const text = this.group
      .append("text")
      .attr("class", "axis-title")
      .attr("y", -22)
      .attr("text-anchor", "middle");
    text.text(fitText(label, width - 8, TITLE_FONT));
    text.append("title").text(label);
  }

  addLine() {
    this.group.append("line").attr("class", "axis-line").attr("y1", 0).attr("y2", this.height);
    if (this.layout.ticks.length) {
      this.group
        .append("line")
        .attr("class", "axis-scale")
        .attr("y1", this.y(1))
        .attr("y2", this.y(this.layout.base));
    }
  }

  addBrush() {
    this.brush = brushY()
      .extent([
        [-REACH, 0],
        [REACH, this.height],
      ])
      .handleSize(8);
    this.brush.on("start brush end", (event) => event.sourceEvent && this.brushed(event));
    this.brushGroup = this.group.append("g").attr("class", "brush").call(this.brush);
  }

  brushed({ selection, type }) {
    if (selection) this.selection.setRange(this.name, ...selection.map((y) => this.fraction(y)).sort((a, b) => a - b));
    else if (type === "end") this.selection.setRange(this.name, null);
  }

  addTick({ at, label }) {
    const y = this.y(at);
    this.marks.append("line").attr("class", "mark").attr("x1", -4).attr("x2", 4).attr("y1", y).attr("y2", y);
    this.plate(this.marks.append("g").attr("class", "label"), label, y);
  }

  /** A slot is a bar; its label is a check box that selects its runs. */
  addSlot(slot) {
    const [y, height] = [Math.min(this.y(slot.top), this.y(slot.bottom)), (slot.top - slot.bottom) * this.height];
    const bar = this.marks.append("rect").attr("class", slot.extra ? "slot extra" : "slot");
    bar.attr("x", -2.5).attr("width", 5).attr("y", y).attr("height", height).attr("rx", 1);
    const label = this.marks
      .append("g")
      .attr("class", "label category")
      .attr("role", "checkbox")
      .attr("tabindex", 0)
      .attr("data-focus", `${this.name}=${slot.key}`);
    label.attr("aria-label", `${this.layout.column.label}: ${slot.label}, ${count(slot.runs.length, "run")}`);
    label.datum(slot).on("click", () => this.selection.toggleLevel(this.name, slot.key));
    label.on("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      this.selection.toggleLevel(this.name, slot.key);
    });
    this.plate(label, slot.label, y + height / 2);
    label.append("title").text(`${slot.label}: ${count(slot.runs.length, "run")}`);
  }

  /** Text on a translucent plate left of the axis, so that it stays readable over the lines. */
  plate(group, label, y) {
    const text = fitText(label, this.room, FONT);
    const width = textWidth(text, FONT) + 8;
    group
      .append("rect")
      .attr("class", "plate")
      .attr("x", -width - 8)
      .attr("y", y - 9)
      .attr("width", width)
      .attr("height", 18)
      .attr("rx", 3);
    group
      .append("text")
      .attr("x", -12)
      .attr("y", y)
      .attr("dy", ".34em")
      .attr("text-anchor", "end")
      .text(text);
  }

  /** An end of the brush for the keyboard. Without a brush it is at the end of the axis. */
  addHandle(end) {
    const handle = this.group
      .append("rect")
      .attr("class", "handle-key")
      .attr("role", "slider")
      .attr("tabindex", 0)
      .attr("data-focus", `${this.name} ${end}`);
    handle.attr("aria-label", `${this.layout.column.label}, ${end === "high" ? "upper" : "lower"} limit`);
    handle.attr("aria-orientation", "vertical").attr("aria-valuemin", 0).attr("aria-valuemax", 100);
    handle
      .attr("x", -REACH)
      .attr("width", 2 * REACH)
      .attr("height", 8)
      .attr("rx", 2);
    handle.on("keydown", (event) => this.nudge(event, end));
    return { end, handle };
  }

  /** Escape anywhere on the axis removes its filter. */
  key(event) {
    if (event.key !== "Escape" && event.key !== "Delete") return;
    event.preventDefault();
    this.selection.setRange(this.name, null);
  }

  nudge(event, end) {
    const moves = {
      ArrowUp: STEP,
      ArrowDown: -STEP,
      PageUp: 10 * STEP,
      PageDown: -10 * STEP,
      Home: -1,
      End: 1,
    };
    const range = { low: 0, high: 1, ...this.range() };
    if (!(event.key in moves)) return;
    event.preventDefault();
    const step = moves[event.key] * (this.layout.flipped ? -1 : 1);
    const moved = Math.min(Math.max(range[end] + step, 0), 1);
    range[end] = end === "low" ? Math.min(moved, range.high - STEP) : Math.max(moved, range.low + STEP);
    this.selection.setRange(this.name, range.low, range.high);
  }

  range() {
    const filter = this.selection.filters.get(this.name);
    return filter && !filter.levels ? filter : null;
  }

  /** Shows the selection's filter on this axis. */
  update() {
    const range = this.range();
    const levels = this.selection.filters.get(this.name)?.levels;
    const pixels = range && [this.y(range.high), this.y(range.low)].sort((a, b) => a - b);
    const shown = this.brushGroup.node().__brush?.selection;
    if (
      !pixels !== !shown ||
      (pixels && Math.abs(pixels[0] - shown[0][1]) + Math.abs(pixels[1] - shown[1][1]) > 0.01)
    ) {
      this.brushGroup.call(this.brush.move, pixels);
    }
    this.group.classed("filtered", Boolean(range || levels));
    this.marks
      .selectAll(".category")
      .attr("aria-checked", (slot) => String(Boolean(levels?.has(slot.key))))
      .classed("off", (slot) => Boolean(levels && !levels.has(slot.key)));
    for (const { end, handle } of this.handles ?? [])
      this.updateHandle(end, handle, range ?? { low: 0, high: 1 });
  }

  updateHandle(end, handle, range) {
    handle.attr("y", this.y(range[end]) - 4).attr("aria-valuenow", Math.round(range[end] * 100));
    const { layout } = this;
    const inScale = layout.scale && range[end] >= layout.base;
    const value = inScale
      ? layout.scale.label(
          Number(layout.scale.invert((range[end] - layout.base) / (1 - layout.base)).toPrecision(4)),
        )
      : layout.describe(range[end] - 1e-6, range[end] + 1e-6);
    handle.attr("aria-valuetext", value);
  }
}
