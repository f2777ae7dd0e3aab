// The position of a run on an axis. Every axis has one layout: slots for values that are counted, a scale for
// values that are measured, and, below a scale, slots for runs at chance and runs without a value.
// Positions are fractions of the axis' height, 0 at the bottom.
import { scaleLinear, scaleLog } from "d3";
import { atChance } from "page/base/data";
import { formatAccuracyTick, formatNumber, formatPercent, formatValue } from "page/base/format";
import { extent } from "page/charts/drawing/plot";

const SLOT_SHARE = 0.72; // of the height of an axis of slots; the rest is gaps
const EXTRA_SLOT = 0.1; // height of the slot for chance and of the one for missing values
const EXTRA_GAP = 0.045;
const SMALLEST_SPAN = 0.3; // of a nines scale, so that nearly equal accuracies stay near each other

/** -log10(1 - accuracy): 90 % is 1, 99 % is 2. `floor` keeps 100 % finite. */
function nines(accuracy, floor = 1e-6) {
  return -Math.log10(Math.max(1 - accuracy, floor));
}

/** The layout of one axis: {slots, ticks, position[run], describe(fraction)}. */
export function layoutAxis(study, column) {
  const values = study.values[column.name];
  const levels = levelsOf(column, values);
  return levels ? slotAxis(study, column, values, levels) : scaleAxis(study, column, values);
}

/** The values of a discrete axis from bottom to top, or null when it needs a scale. */
function levelsOf(column, values) {
  const present = new Set(values.filter((value) => value !== null));
  const numeric = [...present].every((value) => typeof value === "number");
  if (column.kind === "accuracy" || (column.kind !== "discrete" && numeric)) return null;
  const declared = column.levels.filter((level) => level !== null);
  const others = [...present].filter((value) => !declared.includes(value));
  others.sort(numeric ? (a, b) => a - b : (a, b) => String(b).localeCompare(String(a)));
  const levels = [...declared, ...others];
  return levels.every((level) => typeof level === "number") ? levels.sort((a, b) => a - b) : levels;
}

function slotAxis(study, column, values, levels) {
  const position = new Float64Array(study.count);
  const members = new Map(levels.map((level) => [level, []]));
  const missing = [];
  for (const run of study.order) (members.get(values[run]) ?? missing).push(run);
  if (missing.length) members.set(null, missing);
  const entries = missing.length
    ? [[null, missing], ...levels.map((level) => [level, members.get(level)])]
    : [...members];
  const gap = (1 - SLOT_SHARE) / Math.max(entries.length, 1);
  let bottom = gap / 2;
  const slots = entries.map(([level, runs]) => {
    const height = (SLOT_SHARE * runs.length) / Math.max(study.count, 1);
    const slot = fillSlot(position, runs, bottom, height);
    bottom += height + gap;
    return {
      ...slot,
      key: level,
      label: level === null ? "none" : formatValue(column, level),
      extra: level === null,
    };
  });
  return { column, slots, ticks: [], position, base: 0, describe: describeSlots(slots) };
}

/** Spreads runs, given from worst to best, evenly over a slot. */
function fillSlot(position, runs, bottom, height) {
  runs.forEach((run, rank) => {
    position[run] = bottom + (height * (rank + 0.5)) / runs.length;
  });
  return { bottom, top: bottom + height, runs };
}

/** The height on a new layout of an axis that has the same meaning as a height on the old layout. */
export function carry(height, from, to) {
  if (height >= 1 || height <= 0) return height;
  if (from.scale && to.scale && height >= from.base) {
    const value = from.scale.invert((height - from.base) / (1 - from.base));
    return Math.min(Math.max(to.place(value), to.base), 1);
  }
  const marks = [[0, 0], ...commonEnds(from, to), [1, 1]];
  const next = marks.findIndex(([old]) => old > height);
  const [[oldLow, newLow], [oldHigh, newHigh]] = [marks[next - 1], marks[next]];
  return newLow + ((height - oldLow) / (oldHigh - oldLow)) * (newHigh - newLow);
}

/** The ends of the slots that two layouts share, bottom to top, as [height on one, height on the other]. */
function commonEnds(from, to) {
  const ends = [];
  for (const slot of from.slots) {
    const same = to.slots.find(({ key }) => key === slot.key);
    if (same) ends.push([slot.bottom, same.bottom], [slot.top, same.top]);
  }
  if (from.scale && to.scale) ends.push([from.base, to.base]);
  return ends;
}

function describeSlots(slots) {
  return (low, high) => {
    const touched = slots.filter((slot) => slot.top > low && slot.bottom < high && slot.runs.length);
    return touched.map((slot) => slot.label).join(", ") || "nothing";
  };
}

function scaleAxis(study, column, values) {
  const position = new Float64Array(study.count);
  const [missing, chance, measured] = [[], [], []];
  for (const run of study.order) {
    const value = values[run];
    if (typeof value !== "number") missing.push(run);
    else if (atChance(study, column, value)) chance.push(run);
    else measured.push(run);
  }
  chance.sort((a, b) => values[a] - values[b]); // a stable sort, so equal ones stay in the order of quality
  const slots = [];
  let bottom = 0;
  for (const [key, label, runs] of [
    ["missing", "none", missing],
    ["chance", "chance", chance],
  ]) {
    if (runs.length === 0 && !(key === "chance" && hasChanceSlot(study, column))) continue;
    slots.push({ ...fillSlot(position, runs, bottom, EXTRA_SLOT), key, label, extra: true });
    bottom += EXTRA_SLOT + EXTRA_GAP;
  }
  const scale = measureScale(
    study,
    column,
    measured.map((run) => values[run]),
  );
  const place = (value) => bottom + (1 - bottom) * scale.forward(value);
  for (const run of measured) position[run] = place(values[run]);
  const describe = (low, high) => describeRange(column, scale, slots, bottom, low, high);
  return {
    column,
    slots,
    ticks: scale.ticks.map((value) => ({ value, at: place(value), label: scale.label(value) })),
    position,
    base: bottom,
    place,
    scale,
    describe,
    expression: (name, low, high) => rangeExpression(study, name, scale, slots, bottom, low, high),
  };
}

/** If one accuracy axis needs a slot for chance, all get one, so that their scales stay equal. */
function hasChanceSlot(study, column) {
  if (column.kind !== "accuracy") return false;
  return accuracies(study).some((metric) =>
    study.values[metric.name].some((value) => atChance(study, metric, value)),
  );
}

function accuracies(study) {
  return study.metrics.filter((metric) => metric.kind === "accuracy" && metric.axis);
}

/** {forward: value -> [0, 1], invert, ticks, label}: nines, logarithmic or linear. */
function measureScale(study, column, values) {
  if (column.kind === "accuracy") return ninesScale(sharedAccuracies(study, column, values));
  const positive = column.log && values.every((value) => value > 0);
  const [low, high] = widen(extent(values) ?? [0, 1], positive);
  const scale = (positive ? scaleLog() : scaleLinear()).domain([low, high]).range([0, 1]);
  return {
    forward: scale,
    invert: scale.invert,
    ticks: niceTicks(scale, positive, low, high),
    label: (value) => formatNumber(value, positive),
  };
}

function niceTicks(scale, log, low, high) {
  if (!log) return scale.ticks(6);
  const decades = scale.ticks().filter((value) => Math.abs(Math.log10(value) % 1) < 1e-9);
  return decades.length >= 2 ? decades : scaleLinear().domain([low, high]).ticks(5);
}

/** Accuracy axes share one range, so a horizontal line means equal values. */
function sharedAccuracies(study, column, values) {
  const shown = accuracies(study);
  if (!shown.includes(column)) return values;
  return shown.flatMap((metric) =>
    study.values[metric.name].filter((value) => typeof value === "number" && !atChance(study, metric, value)),
  );
}

const ACCURACY_TICKS = [
  0.9, 0.99, 0.999, 0.5, 0.95, 0.98, 0.8, 0.97, 0.995, 0.9999, 0.998, 0.9995, 0.985, 0.3, 0.7, 0.96, 0.992,
  0.9998, 0.6, 0.1, 0, 0.85, 0.975, 0.997, 0.988, 0.994, 0.982, 0.2, 0.4, 0.93,
];

/** The nines scale over the range of some accuracies. */
export function ninesScale(accuracies) {
  const errors = accuracies.map((accuracy) => 1 - accuracy).filter((error) => error > 0);
  // 100 % lies just above the best below it.
  const floor = Math.min(1e-2, errors.length ? extent(errors)[0] / 1.5 : 1e-2);
  const range = atLeast(SMALLEST_SPAN, extent(accuracies.map((accuracy) => nines(accuracy, floor))) ?? [0, 1]);
  const [low, high] = widen(range, false);
  const span = high - low;
  const place = (accuracy) => (nines(accuracy, floor) - low) / span;
  const inside = (accuracy) => nines(accuracy, floor) >= range[0] && place(accuracy) <= 1;
  return {
    forward: place,
    invert: (fraction) => Math.max(0, 1 - 10 ** -(low + fraction * span)), // an accuracy, also below the axis
    ticks: spreadTicks(ACCURACY_TICKS.filter(inside), place),
    label: formatAccuracyTick,
  };
}

function atLeast(span, [low, high]) {
  const more = Math.max(0, span - (high - low)) / 2;
  return [low - more, high + more];
}

/** Adds room around a range; makes a range around a single value. */
function widen([low, high], log) {
  if (low === high)
    return log
      ? [low / 2, high * 2]
      : [low - (Math.abs(low) || 1) * 0.05, high + (Math.abs(high) || 1) * 0.05];
  if (log) return [low, high];
  const room = (high - low) * 0.02;
  return [low - room, high + room];
}

/** Keeps ticks that are not too near each other; earlier ones have priority. */
function spreadTicks(ticks, place, nearest = 0.055) {
  const kept = [];
  for (const tick of ticks) {
    if (kept.every((other) => Math.abs(place(other) - place(tick)) >= nearest)) kept.push(tick);
  }
  return kept.sort((a, b) => a - b);
}

function describeRange(column, scale, slots, base, low, high) {
  const parts = slots.filter((slot) => slot.top > low && slot.bottom < high).map((slot) => slot.label);
  if (high > base) {
    const [from, to] = [Math.max(low, base), high].map((at) => scale.invert((at - base) / (1 - base)));
    const [lower, upper] = column.kind === "accuracy" ? [bare(from), formatPercent(to)] : [formatNumber(from), formatNumber(to)];
    parts.push(low < base ? `up to ${upper}` : `${lower} – ${upper}`); // below its base, an axis has slots
  }
  return parts.join(", ") || "nothing";
}

/** A range of an axis in the language of the filters. */
function rangeExpression(study, name, scale, slots, base, low, high) {
  const meanings = { missing: `${name}=none`, chance: `${name}<=${study.chance}` };
  const parts = slots.filter((slot) => slot.top > low && slot.bottom < high).map((slot) => meanings[slot.key]);
  if (high > base) {
    const [from, to] = [Math.max(low, base), high].map((at) => scale.invert((at - base) / (1 - base)));
    parts.push(`${name}>=${Number(from.toPrecision(6))} and ${name}<=${Number(to.toPrecision(6))}`);
  }
  return parts.length > 1 ? `(${parts.join(" or ")})` : (parts[0] ?? "");
}

function bare(fraction) {
  return (fraction * 100).toFixed(2);
}
