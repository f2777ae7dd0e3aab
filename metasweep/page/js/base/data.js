// The JSON of the page (FORMAT.md) as columns of values, one entry per run.

/** Reads the document: every column of the runs becomes an array. */
export function decode(document) {
  const { count, columns } = document.runs;
  const values = Object.fromEntries(
    Object.entries(columns).map(([name, column]) => [name, decodeColumn(column)]),
  );
  const study = { ...document, count, values };
  study.columns = [...document.parameters, ...document.metrics, ...document.details];
  study.color = document.metrics.find((metric) => metric.name === document.color);
  study.order = qualityOrder(values[document.color], study.color.goal);
  study.curves = document.curves.map((curve) => decodeCurve(curve));
  return study;
}

function decodeColumn(column) {
  if (Array.isArray(column)) return column;
  if (column.levels) return column.codes.map((code) => column.levels[code]);
  return column.rest.map((rest) => column.prefix + rest);
}

function decodeCurve(curve) {
  const perRun = Array.isArray(curve.x[0]);
  return { ...curve, times: (run) => (perRun ? curve.x[run] : curve.x) };
}

/** Runs from the worst to the best; those without a value first, equal ones in their own order. */
function qualityOrder(values, goal) {
  const sign = goal === "min" ? -1 : 1;
  const key = values.map((value) => (value === null ? -Infinity : sign * value));
  return Uint32Array.from(key.keys()).sort((a, b) => key[a] - key[b] || b - a);
}

/** Is this run no better than chance in this metric? */
export function atChance(study, metric, value) {
  return metric.kind === "accuracy" && study.chance !== null && value !== null && value <= study.chance;
}

/** Mean and best of a metric over some runs, null when none has it. */
export function summarize(values, runs, goal) {
  let [sum, count, best] = [0, 0, null];
  for (const run of runs) {
    const value = values[run];
    if (typeof value !== "number") continue;
    sum += value;
    count += 1;
    if (best === null || (goal === "min" ? value < best : value > best)) best = value;
  }
  return { mean: count ? sum / count : null, best };
}
