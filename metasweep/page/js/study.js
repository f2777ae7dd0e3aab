// The page of a study: everything about its runs, linked by one selection.
import { Axes } from "page/charts/drawing/axes";
import { Curves } from "page/charts/curves";
import { Details } from "page/read/details";
import { READABLE, h, link, perFrame, refill, refillList } from "page/base/dom";
import { count, formatValue } from "page/base/format";
import { Parallel } from "page/charts/parallel";
import { card, highlights, progress, section } from "page/read/sections";
import { Selection } from "page/selection";
import { RunTable } from "page/table/table";
import { summarize } from "page/base/data";
import { themeButton } from "page/base/theme";

const PAPER = 676; // px inside the margins of A4 and a card

export class StudyPage {
  /** `extend(page)` is called when the page has been built, and again when its table has been created. */
  constructor(root, study, extend = () => {}) {
    [this.root, this.extend] = [root, extend];
    this.axes = new Axes(() => this.rearrange());
    this.selection = new Selection(study, this.axes.layouts(study));
    this.views = [];
    this.build(study);
    this.selection.addEventListener(
      "change",
      perFrame(() => this.describe(), READABLE),
    );
    this.describe();
    this.held = false; // true while a pointer is down, as in brushing: then an update waits
    addEventListener("pointerdown", ({ target }) => (this.held = Boolean(target.closest?.(".axis"))), true);
    for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => this.release(), true);
    addEventListener("keydown", (event) => this.key(event));
    addEventListener("beforeprint", () => this.print());
    addEventListener("afterprint", () => this.afterPrint());
  }

  build(study) {
    const theme = themeButton(() => this.relayout());
    this.top = h("div", { class: "top" });
    this.sections = h("div", { class: "sections" });
    this.status = h("p", { class: "status", role: "status" });
    this.chips = h("div", { class: "chips" });
    this.presets = h("div", { class: "presets", role: "group", "aria-label": "Runs shown" });
    this.header = h("header", {}, h("h1", {}, study.title), theme);
    this.root.replaceChildren(this.header, this.top);
    this.fillTop(study);
    if (study.count) this.buildCharts(study);
    else this.root.append(card("Runs", h("p", { class: "note" }, "There is no run yet.")));
    this.root.append(this.sections);
    this.fillSections(study);
    this.extend(this);
  }

  buildCharts(study) {
    const [parallel, runs] = [card("Parallel coordinates"), card("Runs")];
    parallel.classList.add("parallel");
    const bar = h("div", { class: "bar" }, this.presets, this.chips, this.status);
    this.bar = bar;
    const chart = h("div", { class: "chart" });
    const view = new Parallel(chart, this.selection);
    this.hint = h("p", { class: "note hint" });
    parallel.append(
      h("a", { class: "skip", href: `#${runs.id}` }, "Skip to the table of runs"),
      chart,
      view.wide,
      this.hint,
      h("div", { class: "controls below" }, this.axes.menu.element, view.exports),
    );
    this.columns = h("div", { class: "columns" });
    this.root.append(bar, parallel, this.columns);
    this.views = [view];
    this.columns.append(runs);
    this.addCurves(study);
    this.table = new RunTable(runs, this.selection);
    this.details = new Details(this.selection);
    this.fillPresets(study);
    this.fillHint(study);
  }

  /** The first run of a live sweep has no curves yet. */
  addCurves(study) {
    if (!study.curves.length) return;
    const curves = card("Curves");
    this.columns.prepend(curves);
    this.views.push(new Curves(curves, this.selection));
  }

  fillTop({ subtitle, links, highlights, progress }) {
    refill(this.top, { subtitle, links, highlights, progress }, (data) => this.topParts(data));
  }

  topParts(study) {
    return [
      ...(study.subtitle ? [h("p", { class: "subtitle" }, study.subtitle)] : []),
      ...(study.links.length
        ? [
            h(
              "p",
              { class: "links" },
              study.links.map(({ url, text }) => link(url, text)),
            ),
          ]
        : []),
      ...(study.highlights.length ? [highlights(study.highlights)] : []),
      ...(study.progress ? [progress(study.progress)] : []),
    ];
  }

  fillSections(study) {
    refillList(this.sections, study.sections, section);
  }

  /** What the colours mean: a live sweep learns of chance when runs have finished. */
  fillHint({ color, chance }) {
    const grey = chance === null ? "" : "; grey is no better than chance";
    this.hint.textContent = `Drag along an axis to keep a range, click a value to keep it. Colour is ${color.label.toLowerCase()}${grey}.`;
  }

  fillPresets(study) {
    const options = [
      { label: "All runs", preset: null },
      ...study.presets.map((preset) => ({ label: preset.label, preset })),
    ];
    refill(this.presets, options, () =>
      options.map(({ label, preset }) =>
        h(
          "button",
          {
            type: "button",
            "aria-pressed": String(preset?.label === this.selection.preset?.label),
            onclick: (event) => this.choosePreset(event, preset),
          },
          label,
        ),
      ),
    );
  }

  choosePreset(event, preset) {
    for (const button of this.presets.children)
      button.setAttribute("aria-pressed", String(button === event.currentTarget));
    this.selection.setPreset(preset);
  }

  /** How many runs are selected, how good they are, and by which filters. */
  describe() {
    const { selection } = this;
    const { study, runs } = selection;
    const { mean, best } = summarize(study.values[study.color.name], runs, study.color.goal);
    const all =
      runs.length === study.count
        ? count(study.count, "run")
        : `${runs.length.toLocaleString("en")} of ${count(study.count, "run")}`;
    const show = (value) => formatValue(study.color, value);
    const metric =
      mean === null ? [] : [`${study.color.label}: mean ${show(mean)}, best ${show(best)}`];
    this.status.textContent = [all, ...metric].join(" · ");
    const chips = [...selection.filters.keys()].map((name) => this.chip(name));
    if (chips.length > 1)
      chips.push(
        h("button", { type: "button", class: "clear", onclick: () => selection.clear() }, "Clear all"),
      );
    this.chips.replaceChildren(...chips);
  }

  chip(name) {
    const label = this.selection.layouts.get(name).column.label;
    const words = `${label}: ${this.selection.describe(name)}`;
    return h(
      "button",
      {
        type: "button",
        class: "chip",
        "data-axis": name,
        "aria-label": `Remove the filter ${words}`,
        onclick: () => this.selection.setRange(name, null),
      },
      h("span", {}, words),
      " ×",
    );
  }

  /** Shows an updated study. Filters, sorting, search, focus and open parts stay. */
  load(study) {
    if (this.held) {
      this.waiting = study;
      return;
    }
    const [before, focus] = [this.selection.study, document.activeElement?.dataset?.focus];
    this.selection.load(study, this.axes.layouts(study));
    this.fillTop(study);
    this.fillSections(study);
    if (!study.count) return;
    if (this.table) this.refresh(study);
    else this.build(study);
    this.details.load(before);
    if (focus) document.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
  }

  refresh(study) {
    this.fillPresets(study);
    this.fillHint(study);
    this.table.load();
    const old = this.views.length;
    if (old < 2) this.addCurves(study);
    for (const view of this.views.slice(0, old)) (view.load ?? view.layout).call(view);
  }

  /** Escape removes the filters, unless it has another meaning. */
  key(event) {
    if (event.key !== "Escape" || event.defaultPrevented || event.target.matches?.("input, select")) return;
    if (this.details?.closed !== event) this.selection.clear();
  }

  /** The pointer is up: shows a waiting update, after the events that end the gesture. */
  release() {
    this.held = false;
    if (!this.waiting) return;
    const study = this.waiting;
    this.waiting = null;
    setTimeout(() => this.load(study));
  }

  /** The reader has chosen other axes. */
  rearrange() {
    this.selection.load(this.selection.study, this.axes.layouts(this.selection.study));
    this.relayout();
  }

  relayout() {
    for (const view of this.views) view.layout();
    this.table?.drawRows();
  }

  /** Prepares printing: light, as wide as the paper, with every line drawn. */
  print() {
    const { dataset } = document.documentElement;
    this.ground = dataset.ground;
    dataset.ground = "light";
    for (const view of this.views) {
      view.layout(PAPER, true);
      view.draw(true);
    }
    this.table?.print();
  }

  afterPrint() {
    document.documentElement.dataset.ground = this.ground;
    this.relayout();
  }
}
