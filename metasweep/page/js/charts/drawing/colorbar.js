// The colour bar, with a histogram of the runs beside it.
import { qualityColor } from "page/charts/drawing/colors";
import { count } from "page/base/format";

const BINS = 30;
const BAR = 11; // px
const WIDEST = 66;

/** Draws into an SVG group; update() shows the selected runs in colour before all of them in grey. */
export function drawColorBar(group, selection, theme, { x, top, height }) {
  const { study } = selection;
  const layout = selection.layouts.get(study.color.name);
  const { base } = layout;
  const size = (height * (1 - base)) / BINS;
  const bins = binRuns(layout);
  const most = Math.max(1, ...bins.map((runs) => runs.length));
  const color = (bin) =>
    qualityColor(study.color.goal === "min" ? 1 - (bin + 0.5) / BINS : (bin + 0.5) / BINS, theme);
  const y = (bin) => top + (1 - base) * height - (bin + 1) * size;
  group.attr("class", "colorbar").attr("aria-hidden", "true");
  const rects = bins.map((runs, bin) => {
    group
      .append("rect")
      .attr("x", x)
      .attr("y", y(bin))
      .attr("width", BAR)
      .attr("height", size + 0.5)
      .attr("fill", color(bin));
    const all = group
      .append("rect")
      .attr("class", "bin-all")
      .attr("x", x + BAR + 6)
      .attr("y", y(bin) + 0.5);
    all.attr("width", (runs.length / most) * WIDEST).attr("height", size - 1);
    const some = group
      .append("rect")
      .attr("x", x + BAR + 6)
      .attr("y", y(bin) + 0.5)
      .attr("height", size - 1);
    return some.attr("fill", color(bin));
  });
  caption(group, x + BAR + 6, top - 7, "runs per bin");
  const extras = layout.slots.map((slot) => ({
    slot,
    text: caption(group, x + BAR + 6, top + (1 - (slot.top + slot.bottom) / 2) * height + 4, ""),
  }));
  return {
    update() {
      bins.forEach((runs, bin) => rects[bin].attr("width", (kept(runs, selection) / most) * WIDEST));
      for (const { slot, text } of extras) text.text(count(kept(slot.runs, selection), "run"));
    },
  };
}

function binRuns({ position, base, slots }) {
  const bins = Array.from({ length: BINS }, () => []);
  const outside = new Set(slots.flatMap((slot) => slot.runs));
  position.forEach((at, run) => {
    if (!outside.has(run)) bins[Math.min(BINS - 1, Math.floor(((at - base) / (1 - base)) * BINS))].push(run);
  });
  return bins;
}

function kept(runs, selection) {
  return runs.reduce((sum, run) => sum + selection.mask[run], 0);
}

function caption(group, x, y, text) {
  return group.append("text").attr("class", "caption").attr("x", x).attr("y", y).text(text);
}
