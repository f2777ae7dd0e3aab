// The data of the curves: values, scales and distances.
import { scaleLinear, scaleLog } from "d3";
import { GROUPS } from "page/charts/drawing/colors";
import { formatAccuracyTick, formatNumber } from "page/base/format";
import { extent } from "page/charts/drawing/plot";
import { ninesScale } from "page/charts/drawing/scales";

const MOST_MEANS = 200; // points of a mean
const MOST_GROUPS = GROUPS.light.length;
export const NEAR = 10; // px; a curve this near to the pointer is highlighted

/** The curve of the colouring metric, else the first. */
export function startCurve(study) {
  return study.curves.find((curve) => curve.metric.name === study.color.name) ?? study.curves[0];
}

/** The values of a parameter by which means can be grouped; null if there are too many or none. */
export function groupLevels(study, column) {
  const levels = [...new Set(study.values[column.name])].filter((value) => value !== null);
  if (levels.length < 2 || levels.length > MOST_GROUPS) return null;
  return levels.every((level) => typeof level === "number") ? levels.sort((a, b) => b - a) : levels.sort();
}

/** [time, mean] of some runs: at each time that any of them logged, over all runs that then had a value. */
export function meanOf(curve, runs) {
  const lines = Array.from(runs, (run) => valuesOf(curve, run)).filter((line) => line.length);
  const times = [...new Set(lines.flatMap((line) => line.map(([time]) => time)))].sort((a, b) => a - b);
  const places = lines.map(() => 0);
  return thinned(times, MOST_MEANS).map((time) => {
    const values = lines.map((line, at) => valueAt(line, time, places, at)).filter((value) => value !== null);
    return [time, values.reduce((sum, value) => sum + value, 0) / values.length];
  });
}

function valuesOf(curve, run) {
  const times = curve.times(run);
  const line = curve.y[run].map((value, at) => [times[at], value]);
  return line.filter(([time, value]) => value !== null && time !== null);
}

/** A line's value at a time between two of its points; null before its first and after its last. */
function valueAt(line, time, places, at) {
  while (places[at] < line.length - 1 && line[places[at] + 1][0] <= time) places[at] += 1;
  const [[x0, y0], next] = [line[places[at]], line[places[at] + 1]];
  if (time < x0 || (!next && time > x0)) return null;
  return next ? y0 + ((next[1] - y0) * (time - x0)) / (next[0] - x0 || 1) : y0;
}

/** At most so many elements of a list, evenly spread, including the last. */
function thinned(list, most) {
  if (list.length <= most) return list;
  return Array.from({ length: most }, (_, at) => list[Math.round((at * (list.length - 1)) / (most - 1))]);
}

/** All the times and all the values of some runs. */
export function flatten(curve, runs) {
  const [times, values] = [[], []];
  for (const run of runs) {
    const x = curve.times(run);
    curve.y[run].forEach((value, at) => {
      if (value === null) return;
      times.push(x[at]);
      values.push(value);
    });
  }
  return [times, values];
}

/** {transform, domain, ticks, label} for the values of a metric. */
export function valueScale(metric, name, values) {
  const [low, high] = extent(values) ?? [Infinity, -Infinity];
  if (metric.kind === "accuracy" && name === "nines") {
    const scale = ninesScale(values);
    return { transform: scale.forward, domain: [0, 1], ticks: scale.ticks, label: formatAccuracyTick };
  }
  if (name === "nines" && low > 0 && high > low) {
    const ticks = scaleLog()
      .domain([low, high])
      .ticks(5)
      .filter((tick) => /^[125]/.test(tick.toExponential()));
    return {
      transform: Math.log10,
      domain: [Math.log10(low), Math.log10(high)],
      ticks,
      label: (tick) => formatNumber(tick),
    };
  }
  const domain = linearDomain(metric, name, low, high);
  const label = metric.kind === "accuracy" ? formatAccuracyTick : (tick) => formatNumber(tick);
  return { transform: (value) => value, domain, ticks: scaleLinear().domain(domain).ticks(6), label };
}

function linearDomain(metric, name, low, high) {
  if (!(low <= high)) return [0, 1];
  if (name === "linear" && metric.kind === "accuracy") return [0, 1];
  const room = (high - low) * 0.04 || Math.abs(high) * 0.05 || 1;
  return [low - room, Math.min(high + room, metric.kind === "accuracy" ? 1 : Infinity)];
}

/** Distance of a point to a polyline, computed only near the point's x. */
export function distanceTo(points, px, py) {
  let nearest = Infinity;
  for (let at = 0; at < points.length; at += 1) {
    const [x0, y0] = points[at];
    const [x1, y1] = points[at + 1] ?? points[at];
    if (px < x0 - NEAR || px > x1 + NEAR) continue;
    const along = x1 > x0 ? Math.min(Math.max((px - x0) / (x1 - x0), 0), 1) : 0;
    nearest = Math.min(nearest, Math.hypot(x0 + (x1 - x0) * along - px, y0 + (y1 - y0) * along - py));
  }
  return nearest;
}
