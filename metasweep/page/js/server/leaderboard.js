// The leaderboard of configurations: mean and interval over seeds, which rows are as good as the best, and the
// seeds that would decide it, added with one click. It follows the selection and counts finished runs.
import { h, wideTable } from "page/base/dom";
import { count, formatInterval, formatNumber, formatValue } from "page/base/format";
import { against, interval, seedsToShow } from "page/base/statistics";
import { refresh } from "page/live";
import { card } from "page/read/sections";
import { queueSeeds } from "page/server/control/api";
import { attempt, question } from "page/base/dialog";
import { configurationColumns } from "page/table/rows";

const MOST = 10; // rows
const LEVEL = 0.05;
const MOST_SEEDS = 50; // that one click adds
const MORE = 3; // seeds, if it is not known how many are needed

export class Leaderboard {
  constructor(selection, sweep) {
    Object.assign(this, { selection, sweep });
    this.head = h("tr");
    const table = wideTable("Leaderboard of configurations", this.head, [], "plain leaderboard");
    this.body = table.querySelector("tbody");
    this.verdict = h("p", { class: "note" });
    this.offer = h("div", { class: "controls", hidden: true });
    this.element = card("Configurations", table, this.verdict, this.offer);
    selection.addEventListener("change", () => this.later());
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.draw(), 200);
  }

  load(control) {
    this.control = control;
    this.draw();
  }

  draw() {
    const { study } = this.selection;
    const { seeds, others } = configurationColumns(study);
    this.columns = others;
    [this.seed] = seeds;
    this.element.hidden = !this.seed || !others.length;
    if (this.element.hidden) return;
    this.rows = ranked(study, this.selection.runs, others, this.seed);
    this.tests = this.rows.length ? against(0, this.rows.map(({ bySeed }) => bySeed)) : [];
    this.fill(study);
    this.judge();
  }

  fill(study) {
    const heads = [...this.columns.map(({ label }) => label), study.color.label, "seeds", "against the best"];
    this.head.replaceChildren(...heads.map((text, at) => h("th", { scope: "col", class: at >= this.columns.length ? "number" : null }, text)));
    this.body.replaceChildren(
      ...this.rows.map((row, at) =>
        h(
          "tr",
          { class: this.together(at) ? "together" : null },
          this.columns.map((column, place) => h(place ? "td" : "th", { scope: place ? null : "row" }, formatValue(column, row.values[place]))),
          h("td", { class: "number" }, at ? formatInterval(study.color, row) : h("strong", {}, formatInterval(study.color, row))),
          h("td", { class: "number" }, String(row.n)),
          h("td", { class: "number" }, this.word(at)),
        ),
      ),
    );
  }

  /** Can this row not be distinguished from the best? */
  together(at) {
    return at > 0 && !((this.tests[at]?.p ?? 1) < LEVEL);
  }

  word(at) {
    if (at === 0) return "best";
    const { p, n } = this.tests[at];
    if (p === null) return `not to be compared: ${count(n, "common seed")}`;
    return `${this.together(at) ? "cannot be distinguished" : "worse"}, p = ${p < 0.001 ? "< 0.001" : formatNumber(Number(p.toPrecision(2)))}`.replace("= <", "<");
  }

  /** What can be said, and which seeds would tell more. */
  judge() {
    const close = this.rows.map((_, at) => at).filter((at) => this.together(at));
    const pairs = (this.rows.length * (this.rows.length - 1)) / 2;
    const needed = close.map((at) => this.tests[at]).map(({ mean, std }) => (std ? seedsToShow(mean, std, pairs) : null));
    const most = needed.length && needed.every((n) => n !== null) ? Math.max(...needed) : null;
    const have = Math.max(0, ...this.rows.map(({ n }) => n));
    const words = ["Mean and 95 % interval of finished runs over seeds; p of paired t tests over common seeds, Holm's over all pairs of these rows."];
    if (close.length && most !== null && most <= MOST_SEEDS)
      words.push(`If the differences are as they look, ${count(most, "seed")} a row would show them with 80 % power.`);
    else if (close.length) words.push("Differences as small as these would need more seeds than they are worth.");
    this.verdict.textContent = this.rows.length ? words.join(" ") : "No configuration has a finished run yet.";
    const more = most !== null && most <= MOST_SEEDS ? Math.max(1, most - have) : MORE;
    this.offer.hidden = !close.length || this.control?.method !== "grid" || this.control?.state === "CANCELED";
    const rows = [0, ...close];
    this.offer.replaceChildren(
      ...[...new Set([MORE, more])].map((number) =>
        h("button", { type: "button", onclick: () => this.queue(rows, number) }, `Queue ${count(number, "more seed")} for these ${rows.length} rows`),
      ),
    );
  }

  async queue(rows, number) {
    const { study } = this.selection;
    const used = study.values[this.seed.name].filter((value) => Number.isInteger(value));
    const first = Math.max(0, ...used) + 1;
    const fresh = Array.from({ length: number }, (_, at) => first + at);
    const runs = rows.map((at) => this.rows[at].run);
    const all = count(runs.length * number, "run");
    const text = `Seeds ${fresh[0]} to ${fresh.at(-1)} of ${count(runs.length, "configuration")}. Agents of this sweep take them next.`;
    if (!(await question({ title: `Queue ${all}?`, text, yes: "Queue" }))) return;
    await attempt(() => queueSeeds(this.sweep, runs, this.seed.name, fresh), `${all} queued.`);
    refresh();
  }
}

/** The configurations with finished runs, best mean first; those with fewer seeds than others after them. */
function ranked(study, runs, columns, seed) {
  const groups = new Map();
  const { values } = study;
  for (const run of Array.from(runs).sort((a, b) => a - b)) {
    const value = values[study.color.name][run];
    if (values.state[run] !== "finished" || typeof value !== "number") continue;
    const own = columns.map(({ name }) => values[name][run]);
    const key = JSON.stringify(own);
    if (!groups.has(key)) groups.set(key, { values: own, bySeed: new Map(), run: values.id[run] });
    const { bySeed } = groups.get(key);
    const at = values[seed.name][run] ?? `run ${run}`;
    if (!bySeed.has(at)) bySeed.set(at, value); // a second run of a seed adds no information
  }
  const rows = [...groups.values()].map((group) => ({ ...group, ...interval([...group.bySeed.values()]) }));
  const most = Math.max(0, ...rows.map(({ n }) => n));
  const sign = study.color.goal === "min" ? 1 : -1;
  const whole = (row) => row.n === most;
  return rows.sort((a, b) => whole(b) - whole(a) || sign * (a.mean - b.mean)).slice(0, MOST);
}
