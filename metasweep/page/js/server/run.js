// A run: charts of what it logged, its configuration, its console, its media and files.
import { stateClass } from "page/read/details";
import { h, link, refill } from "page/base/dom";
import { count } from "page/base/format";
import { card } from "page/read/sections";
import { Charts } from "page/server/charts";
import { Histograms } from "page/server/histograms";
import { Plots } from "page/server/plots";
import { Media } from "page/server/media";
import { heading, pairs } from "page/server/parts";

export class RunPage {
  constructor(root, data) {
    this.state = h("span", { class: "state" });
    this.notes = h("p", { class: "subtitle notes" });
    [this.charts, this.system, this.media] = [new Charts("Metrics"), new Charts("System", "time"), new Media()];
    [this.histograms, this.plots] = [new Histograms(), new Plots()];
    [this.summary, this.config, this.facts] = ["Summary", "Configuration", "Run"].map((title) => new Part(title));
    [this.files, this.artifacts] = ["Files", "Artifacts"].map((title) => new Part(title));
    this.console = new Console();
    root.replaceChildren(
      heading(data.title, this.state, () => {}),
      this.notes,
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
    this.state.className = `state state-${stateClass(data.state)}`;
    this.state.textContent = data.state;
    this.notes.textContent = data.notes;
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

/** The last lines of the console; it stays at the end unless the reader has scrolled up. */
class Console {
  constructor() {
    this.log = h("pre", { class: "console", tabindex: 0, role: "log", "aria-label": "Console" });
    this.more = h("p", { class: "note" });
    this.element = card("Console", this.log, this.more);
    this.last = "";
  }

  load({ count, lines, url }) {
    const key = JSON.stringify([count, lines.at(-1)]);
    if (key === this.last) return;
    this.last = key;
    const atEnd = this.log.scrollTop + this.log.clientHeight >= this.log.scrollHeight - 8;
    const rows = lines.map(([, text, error]) => h("span", { class: error ? "error" : null }, `${text}\n`));
    this.log.replaceChildren(...(rows.length ? rows : ["Nothing was printed."]));
    if (atEnd) this.log.scrollTop = this.log.scrollHeight;
    this.more.replaceChildren(
      count > lines.length ? `The last ${lines.length} of ${count.toLocaleString("en")} lines. ` : "",
      count ? link(url, "As text") : "",
    );
  }
}

function fileTable(files) {
  const rows = files.map(({ name, size, url }) =>
    h("tr", {}, h("td", {}, link(url, name)), h("td", { class: "number" }, bytes(size))),
  );
  const head = h("tr", {}, h("th", { scope: "col" }, "Name"), h("th", { scope: "col", class: "number" }, "Size"));
  return h("div", { class: "wide" }, h("table", { class: "plain" }, h("thead", {}, head), h("tbody", {}, rows)));
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
