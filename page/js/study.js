// The page of a study: everything about its runs, linked by one selection.
import { Curves } from "page/curves";
import { Details } from "page/details";
import { READABLE, h, link, perFrame } from "page/dom";
import { count, formatValue } from "page/format";
import { Parallel } from "page/parallel";
import { layoutAxis } from "page/scales";
import { card, highlights, progress, section } from "page/sections";
import { Selection } from "page/selection";
import { RunTable } from "page/table";
import { summarize } from "page/data";
import { themeButton } from "page/theme";

const PAPER = 676; // px inside the margins of A4 and a card

export class StudyPage {
  constructor(root, study) {
    this.root = root;
    this.selection = new Selection(study, layoutsOf(study));
    this.views = [];
    this.build(study);
    this.selection.addEventListener(
      "change",
      perFrame(() => this.describe(), READABLE),
    );
    this.describe();
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
    this.root.replaceChildren(h("header", {}, h("h1", {}, study.title), theme), this.top);
    this.fillTop(study);
    if (study.count) this.buildCharts(study);
    else this.root.append(card("Runs", h("p", { class: "note" }, "There is no run yet.")));
    this.root.append(this.sections);
    this.fillSections(study);
  }

  buildCharts(study) {
    const [parallel, runs] = [card("Parallel coordinates"), card("Runs")];
    parallel.classList.add("parallel");
    const bar = h("div", { class: "bar" }, this.presets, this.chips, this.status);
    const chart = h("div", { class: "chart" });
    parallel.append(
      chart,
      h(
        "p",
        { class: "note hint" },
        "Drag along an axis to keep a range, click a value to keep it. Colour is ",
        h("span", {}, study.color.label.toLowerCase()),
        study.chance === null ? "." : "; grey is no better than chance.",
      ),
    );
    const columns = h("div", { class: "columns" });
    this.root.append(bar, parallel, columns);
    this.views = [new Parallel(chart, this.selection)];
    if (study.curves.length) {
      const curves = card("Curves");
      columns.append(curves);
      this.views.push(new Curves(curves, this.selection));
    }
    columns.append(runs);
    this.table = new RunTable(runs, this.selection);
    this.details = new Details(this.selection);
    this.fillPresets(study);
  }

  fillTop(study) {
    this.top.replaceChildren(
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
    );
  }

  fillSections(study) {
    this.sections.replaceChildren(...study.sections.map((data) => section(data)));
  }

  fillPresets(study) {
    const options = [
      { label: "All runs", preset: null },
      ...study.presets.map((preset) => ({ label: preset.label, preset })),
    ];
    this.presets.replaceChildren(
      ...options.map(({ label, preset }) =>
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
    const numbers =
      mean === null
        ? []
        : [`mean ${formatValue(study.color, mean)}`, `best ${formatValue(study.color, best)}`];
    this.status.textContent = [all, ...numbers].join(" · ");
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

  /** Shows an updated study; filters, sorting and search stay. */
  load(study) {
    this.selection.load(study, layoutsOf(study));
    this.fillTop(study);
    this.fillSections(study);
    if (!study.count) return;
    if (!this.table) this.build(study);
    this.table.load();
    for (const view of this.views) (view.load ?? view.layout).call(view);
  }

  relayout() {
    for (const view of this.views) view.layout();
    this.table?.drawRows();
  }

  /** On paper: light, as wide as it, and with every line drawn. */
  print() {
    const { dataset } = document.documentElement;
    this.ground = dataset.ground;
    dataset.ground = "light";
    for (const view of this.views) {
      view.layout(PAPER, 0);
      view.draw(true);
    }
    this.table?.print();
  }

  afterPrint() {
    document.documentElement.dataset.ground = this.ground;
    this.relayout();
  }
}

/** The layout of every axis that is shown, and of the colour's. */
function layoutsOf(study) {
  const columns = [...study.parameters, ...study.metrics];
  return columns
    .filter((column) => column.axis || column === study.color)
    .map((column) => layoutAxis(study, column));
}
