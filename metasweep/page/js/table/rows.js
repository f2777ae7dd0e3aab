// The rows of the table: the selected runs in order, or groups of them with mean and interval.
import { interval } from "page/base/statistics";
import { numeric } from "page/table/columns";

/** The parameters that differ, without the seed: what makes a configuration. */
export function configurationColumns(study) {
  const seeds = [...study.parameters, ...study.details].filter(({ seed }) => seed);
  const others = study.parameters.filter(({ name, seed }) => !seed && differs(study.values[name]));
  return { seeds, others };
}

function differs(values) {
  return values.some((value) => value !== values[0]);
}

/** [{run}] of some runs, sorted by [{name, descending}]. */
export function runRows(study, runs, sorted) {
  const compare = chain(sorted.map(({ name, descending }) => by((run) => study.values[name][run], descending)));
  return Array.from(runs).reverse().sort(compare).map((run) => ({ run }));
}

/** [{group, runs, cells}] of some runs by the values of columns, sorted; `open` groups are followed by their runs. */
export function groupRows(study, runs, names, columns, sorted, open) {
  const groups = new Map();
  for (const run of runs) {
    const key = JSON.stringify(names.map((name) => study.values[name][run]));
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(run);
  }
  const made = [...groups].map(([group, members]) => ({ group, runs: members, cells: new Map() }));
  const cellOf = (row, name) => {
    if (!row.cells.has(name)) row.cells.set(name, groupCell(study, columns.get(name), row.runs));
    return row.cells.get(name);
  };
  for (const row of made) row.cell = (name) => cellOf(row, name);
  const order = chain(sorted.map(({ name, descending }) => by((row) => row.cell(name).sort, descending)));
  made.sort(order);
  return made.flatMap((row) => (open.has(row.group) ? [row, ...runRows(study, row.runs, sorted).map((each) => ({ ...each, member: true }))] : [row]));
}

/** The content of a group's cell: {value} if all share it, or {n, mean, half}, or nothing; `sort` orders groups. */
function groupCell(study, column, runs) {
  const values = runs.map((run) => study.values[column.name][run]);
  if (values.every((value) => value === values[0]) && !(numeric(column) && column.kind !== "discrete" && runs.length > 1))
    return { value: values[0], sort: values[0] };
  const numbers = values.filter((value) => typeof value === "number");
  if (!numeric(column) || !numbers.length) return { mixed: true, sort: greatest(values) };
  const found = interval(numbers);
  return { ...found, sort: found.mean };
}

/** The sort key of a group with different texts, such as the start of its newest run. */
function greatest(values) {
  const texts = values.filter((value) => value !== null);
  return texts.length ? texts.reduce((a, b) => (collator.compare(String(a), String(b)) < 0 ? b : a)) : null;
}

function chain(comparisons) {
  return (a, b) => {
    for (const compare of comparisons) {
      const found = compare(a, b);
      if (found) return found;
    }
    return 0;
  };
}

/** Compares two values; missing ones come last in both directions. */
function by(value, descending) {
  const sign = descending ? -1 : 1;
  return (a, b) => {
    const [x, y] = [value(a) ?? null, value(b) ?? null];
    if (x === y) return 0;
    if (x === null) return 1;
    if (y === null) return -1;
    if (typeof x === "number" && typeof y === "number") return sign * (x - y);
    return sign * collator.compare(String(x), String(y));
  };
}

const collator = new Intl.Collator("en", { numeric: true });
