// Images, HTML, Tables, audio and video that a run has logged. HTML is shown in a frame without any rights.
import { h } from "page/base/dom";
import { card } from "page/read/sections";
import { fetchTable, tableNodes } from "page/server/logged/tables";

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

/** The artifact's file has images where the run's own file has texts. Older clients create no artifact. */
function table({ urls: [url], artifact }) {
  const place = h("div", { class: "wide logged-table", tabindex: 0, role: "region", "aria-label": "Logged table" }, h("p", { class: "note" }, "Loading …"));
  const base = artifact?.slice(0, artifact.lastIndexOf("/") + 1);
  const found = artifact ? fetchTable(artifact).catch(() => fetchTable(url)) : fetchTable(url);
  found.then(
    (made) => place.replaceChildren(...tableNodes(made, base)),
    () => place.replaceChildren(h("p", { class: "note" }, "This table has not been uploaded yet.")),
  );
  return [place];
}
