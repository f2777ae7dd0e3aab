// The best so far: all runs in the order of their start, and a line with the best value until then.

/** {points, line} of a metric over the order of the runs, for a scatter chart. */
export function bestSoFar(study, runs, column, color) {
  const [points, line] = [[], []];
  let best = null;
  for (const run of Array.from(runs).sort((a, b) => a - b)) {
    const value = study.values[column.name][run];
    if (typeof value !== "number") continue;
    points.push({ x: run + 1, y: value, run, color: color(run), text: study.values.name[run] });
    if (best !== null && !(column.goal === "min" ? value < best : value > best)) continue;
    if (best !== null) line.push({ x: run + 1, y: best });
    best = value;
    line.push({ x: run + 1, y: best });
  }
  if (points.length) line.push({ x: points.at(-1).x, y: best });
  return { points, line };
}
