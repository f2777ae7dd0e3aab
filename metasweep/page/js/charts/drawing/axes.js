// The axes of the parallel coordinates: which are shown, in which order, in which direction, and on which scale.
import { h } from "page/base/dom";
import { menu } from "page/base/menu";
import { joined, keep, recall, split } from "page/base/view";
import { layoutAxis } from "page/charts/drawing/scales";

export class Axes {
  /** `onchange()` is called when the reader has chosen. */
  constructor(onchange) {
    this.onchange = onchange;
    this.order = split(recall("axes")); // of the shown axes; empty: the study's order
    this.flipped = new Set(split(recall("flipped")));
    this.rescaled = new Set(split(recall("rescaled"))); // logarithmic instead of linear, or the reverse
    this.menu = menu("Axes", (body) => this.fill(body));
  }

  /** The layouts of the shown axes in their order, and always that of the colour. */
  layouts(study) {
    this.study = study;
    const columns = [...study.parameters, ...study.metrics];
    this.usual = columns.filter((column) => column.axis).map(({ name }) => name);
    this.known = new Map(columns.map((column) => [column.name, column]));
    const chosen = this.order.filter((name) => this.known.has(name));
    this.names = chosen.length ? chosen : this.usual;
    const shown = this.names.map((name) => this.layout(this.known.get(name), true));
    return this.names.includes(study.color.name) ? shown : [...shown, this.layout(study.color, false)];
  }

  layout(column, shown) {
    const log = this.rescaled.has(column.name) ? !column.log : column.log;
    const layout = layoutAxis(this.study, { ...column, log });
    return { ...layout, column, shown, flipped: this.flipped.has(column.name) };
  }

  choose(names) {
    this.order = joined(names) === joined(this.usual) ? [] : names;
    this.changed();
  }

  toggle(set, name) {
    if (!set.delete(name)) set.add(name);
    this.changed();
  }

  changed() {
    keep("axes", joined(this.order));
    keep("flipped", joined([...this.flipped]));
    keep("rescaled", joined([...this.rescaled]));
    this.onchange();
    this.fill(this.menu.body);
  }

  fill(body) {
    const focus = document.activeElement?.dataset?.focus;
    const hidden = [...this.known.keys()].filter((name) => !this.names.includes(name));
    const usual = h("button", { type: "button", onclick: () => this.reset() }, "Reset");
    body.replaceChildren(h("ul", { class: "column-list" }, [...this.names, ...hidden].map((name) => this.item(this.known.get(name)))), usual);
    if (focus) body.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus();
  }

  reset() {
    this.order = [];
    this.flipped.clear();
    this.rescaled.clear();
    this.changed();
  }

  item({ name, label, kind, log }) {
    const { names } = this;
    const at = names.indexOf(name);
    const [on, last] = [at >= 0, names.length < 3];
    const box = h("input", {
      type: "checkbox",
      checked: on,
      disabled: on && last,
      "data-focus": `axis ${name}`,
      onchange: () => this.choose(box.checked ? [...names, name] : names.filter((other) => other !== name)),
    });
    const button = (text, words, pressed, act) =>
      h("button", { type: "button", class: "quiet", "data-focus": `${words} ${name}`, "aria-label": `${words} ${label}`, "aria-pressed": pressed, disabled: !on, onclick: act }, text);
    const move = (to) => {
      const rest = names.filter((other) => other !== name);
      rest.splice(Math.max(0, to), 0, name);
      this.choose(rest);
    };
    const isLog = this.rescaled.has(name) !== Boolean(log);
    const scale = kind === "number" ? button("log", "Logarithmic", String(isLog), () => this.toggle(this.rescaled, name)) : null;
    return h(
      "li",
      {},
      h("label", { class: "check" }, box, label),
      h(
        "span",
        {},
        scale,
        button("flip", "Flip", String(this.flipped.has(name)), () => this.toggle(this.flipped, name)),
        button("←", "Move left", null, () => move(at - 1)),
        button("→", "Move right", null, () => move(at + 1)),
      ),
    );
  }
}
