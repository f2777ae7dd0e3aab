// A run: charts of what it logged, its configuration, its console, its media and files.
import { h, link, refill, wideTable } from "page/base/dom";
import { count } from "page/base/format";
import { isOpen, outcome } from "page/base/states";
import { card } from "page/read/sections";
import { refresh } from "page/live";
import { ask } from "page/server/control/api";
import { listed } from "page/server/control/actions";
import { Charts } from "page/server/charts";
import { Console } from "page/server/logged/console";
import { attempt, question } from "page/base/dialog";
import { Histograms } from "page/server/logged/histograms";
import { Plots } from "page/server/logged/plots";
import { Media } from "page/server/logged/media";
import { heading, pairs } from "page/server/parts";

const EDIT = "mutation Edit($input: UpsertBucketInput!) { upsertBucket(input: $input) { bucket { id } } }";
const STOP = "mutation Stop($input: RunIdInput!) { stopRun(input: $input) { success } }";

export class RunPage {
  constructor(root, data) {
    this.state = h("span", { class: "state" });
    this.notes = h("p", { class: "subtitle notes" });
    [this.charts, this.system, this.media] = [new Charts("Metrics"), new Charts("System", "time"), new Media()];
    [this.histograms, this.plots] = [new Histograms(), new Plots()];
    [this.summary, this.config, this.facts] = ["Summary", "Configuration", "Run"].map((title) => new Part(title));
    [this.files, this.artifacts] = ["Files", "Artifacts"].map((title) => new Part(title));
    this.console = new Console();
    this.tags = h("div", { class: "tags" });
    this.acts = h("div", { class: "sweep-control", role: "group", "aria-label": "This run" });
    const header = heading(data.title, this.state, () => this.load(this.data));
    this.title = header.querySelector("h1");
    header.querySelector(".theme").before(this.acts);
    root.replaceChildren(
      header,
      this.notes,
      this.tags,
      h("div", { class: "triple" }, this.facts.element, this.config.element, this.summary.element),
      this.charts.element,
      this.histograms.element,
      this.plots.element,
      this.media.element,
      this.console.element,
      this.system.element,
      this.artifacts.element,
      this.files.element,
    );
    this.load(data);
  }

  load(data) {
    this.data = data;
    this.title.textContent = data.title;
    this.state.className = `state state-${outcome(data.state)}`;
    this.state.textContent = data.stopping && isOpen(data.state) ? `${data.state}, told to stop` : data.state;
    this.notes.textContent = data.notes;
    refill(this.tags, data.tags, (tags) => tags.map((tag) => h("span", { class: "tag" }, tag)));
    refill(this.acts, [data.state, data.stopping, data.history], () => this.buttons(data));
    this.facts.fill(data.facts, pairs);
    this.config.fill(data.config, pairs);
    this.summary.fill(data.summary, pairs);
    this.charts.load(data.charts);
    this.system.load(data.system);
    this.histograms.load(data.histograms);
    this.plots.load(data.plots);
    this.media.load(data.media);
    this.console.load(data.console);
    this.files.fill(data.files, fileTable);
    this.artifacts.fill(data.artifacts, (items) => items.map(artifact));
    this.artifacts.element.hidden = data.artifacts.length === 0;
  }

  buttons({ state, stopping, history }) {
    const stop = h("button", { type: "button", class: "danger", disabled: stopping, onclick: () => this.stop() }, "Stop");
    return [
      h("button", { type: "button", onclick: () => this.edit() }, "Edit"),
      h("a", { class: "button", href: history, download: "" }, "History as CSV"),
      ...(isOpen(state) ? [stop] : []),
    ];
  }

  async edit() {
    const { id, title, notes, tags } = this.data;
    const fields = [
      { name: "name", label: "Name", value: title },
      { name: "tags", label: "Tags", value: tags.join(", "), hint: "Separated by commas." },
      { name: "notes", label: "Notes", value: notes, lines: 5 },
    ];
    const answer = await question({ title: "Edit the run", fields, yes: "Save" });
    if (!answer) return;
    const input = { id, displayName: answer.name.trim() || title, notes: answer.notes, tags: listed(answer.tags) };
    await attempt(() => ask(EDIT, { input }), "Saved.");
    refresh();
  }

  async stop() {
    const text = "It ends at its next step, and is not tried again.";
    if (!(await question({ title: "Stop this run?", text, yes: "Stop", danger: true }))) return;
    await attempt(() => ask(STOP, { input: { id: this.data.id } }), "Told to stop.");
    refresh();
  }
}

/** A card with one part of what is known of a run. */
class Part {
  constructor(title) {
    this.body = h("div", { class: "part", tabindex: 0, role: "group", "aria-label": title });
    this.element = card(title, this.body);
  }

  fill(data, make) {
    refill(this.body, data, () => (data.length ? make(data) : h("p", { class: "note" }, "Nothing yet.")));
  }
}

function fileTable(files) {
  const rows = files.map(({ name, size, url }) =>
    h("tr", {}, h("td", {}, link(url, name)), h("td", { class: "number" }, bytes(size))),
  );
  const head = h("tr", {}, h("th", { scope: "col" }, "Name"), h("th", { scope: "col", class: "number" }, "Size"));
  return wideTable("Table of files", head, rows);
}

/** An artifact, with its files when it is opened. */
function artifact({ name, type, made, aliases, size, count: number, files }) {
  const words = [type, made ? "made here" : "used here", aliases, count(number, "file"), bytes(size)];
  return h(
    "details",
    { class: "chart-group" },
    h("summary", {}, name, " ", h("span", { class: "muted" }, words.filter(Boolean).join(" · "))),
    files.length ? fileTable(files) : h("p", { class: "note" }, "Its files are elsewhere."),
  );
}

function bytes(size) {
  const units = ["B", "kB", "MB", "GB"];
  let at = 0;
  for (; size >= 1000 && at < 3; at += 1) size /= 1000;
  return `${Number(size.toPrecision(3))}\u202f${units[at]}`;
}
