// Images, HTML, Tables, sound and film that a run has logged. HTML is shown in a frame that can do nothing.
import { h } from "page/base/dom";
import { formatNumber } from "page/base/format";
import { card } from "page/read/sections";

const MOST_ROWS = 200;

export class Media {
  constructor() {
    this.items = new Map();
    this.body = h("div", { class: "media" });
    this.element = card("Media", this.body);
  }

  load(data) {
    this.element.hidden = data.length === 0;
    for (const { key, steps } of data) {
      if (!this.items.has(key)) this.items.set(key, new Medium(key, this.body));
      this.items.get(key).load(steps);
    }
  }
}

/** What was logged under one name, at the newest step or the one chosen. */
class Medium {
  constructor(key, parent) {
    this.chosen = null;
    this.shown = "";
    this.slider = h("input", { type: "range", min: 0, "aria-label": `Step of ${key}`, oninput: () => this.choose() });
    this.step = h("output", { class: "readout" });
    this.content = h("div", { class: "medium-content" });
    parent.append(h("figure", { class: "medium" }, h("div", { class: "chart-head" }, h("h3", {}, key), this.slider, this.step), this.content));
  }

  load(steps) {
    this.steps = steps;
    const at = this.chosen ?? steps.length - 1;
    this.slider.max = steps.length - 1;
    this.slider.value = at;
    this.slider.hidden = steps.length < 2;
    this.show(at);
  }

  choose() {
    const at = Number(this.slider.value);
    this.chosen = at === this.steps.length - 1 ? null : at;
    this.show(at);
  }

  show(at) {
    const item = this.steps[at];
    this.step.textContent = item.step === null ? "" : `step ${item.step}`;
    const made = JSON.stringify(item);
    if (made === this.shown) return;
    this.shown = made;
    const makers = { image: images, html: frame, table, audio: sound, video: film };
    this.content.replaceChildren(...makers[item.type](item));
  }
}

function images({ urls, captions }) {
  return urls.map((url, at) =>
    h(
      "a",
      { href: url, class: "image" },
      h("img", { src: url, alt: captions[at] ?? "", loading: "lazy" }),
      captions[at] ? h("span", { class: "note" }, captions[at]) : null,
    ),
  );
}

function frame({ urls: [url] }) {
  return [h("iframe", { src: url, sandbox: "", title: "Logged HTML", referrerpolicy: "no-referrer" })];
}

function sound({ urls: [src] }) {
  return [h("audio", { src, controls: true, preload: "none" })];
}

function film({ urls: [src] }) {
  return [h("video", { src, controls: true, preload: "metadata" })];
}

function table({ urls: [url] }) {
  const place = h("div", { class: "wide logged-table" }, h("p", { class: "note" }, "Loading …"));
  fetchTable(url).then(
    (made) => place.replaceChildren(...made),
    () => place.replaceChildren(h("p", { class: "note" }, "This table has not been uploaded yet.")),
  );
  return [place];
}

async function fetchTable(url) {
  const { columns, data } = await (await fetch(url)).json();
  const numeric = columns.map((_, at) => data.every((row) => typeof row[at] === "number"));
  const heads = columns.map((name, at) =>
    h("th", { scope: "col", class: numeric[at] ? "number" : null }, String(name)),
  );
  const head = h("tr", {}, heads);
  const rows = data.slice(0, MOST_ROWS).map((row) => h("tr", {}, row.map((value) => tableCell(value))));
  const made = [h("table", { class: "plain" }, h("thead", {}, head), h("tbody", {}, rows))];
  if (data.length > MOST_ROWS) made.push(h("p", { class: "note" }, `The first ${MOST_ROWS} of ${data.length} rows.`));
  return made;
}

function tableCell(value) {
  if (typeof value === "number") return h("td", { class: "number" }, formatNumber(value));
  if (value === null) return h("td", { class: "muted" }, "–");
  return h("td", {}, typeof value === "object" ? (value._type ?? JSON.stringify(value)) : String(value));
}
