// Makes a sweep of a selection: the same search, narrowed to the values of the selected runs.
import { openWindow } from "page/base/dialog";
import { h } from "page/base/dom";
import { download } from "page/charts/export";

/** The YAML of a sweep over the values, or the ranges, of some runs. */
export function refined(config, study, runs) {
  const parameters = Object.fromEntries(Object.entries(config.parameters ?? {}).map(([name, space]) => [name, narrowed(space, study.values[name], runs)]));
  const { name = "sweep", ...rest } = config;
  const lines = Object.entries({ ...rest, name: `${name}, refined` })
    .filter(([key]) => key !== "parameters")
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
  const spaces = Object.entries(parameters).map(([key, space]) => `  ${JSON.stringify(key)}: ${JSON.stringify(space)}`);
  return `${[...lines, "parameters:", ...spaces].join("\n")}\n`;
}

/** The values of a parameter among the runs. Constant and nested parameters stay as they are. */
function narrowed(space, values, runs) {
  if (!values || !space || typeof space !== "object") return space;
  const found = [...new Set(runs.map((run) => values[run]).filter((value) => value !== null))];
  if (Array.isArray(space.values)) {
    const kept = space.values.filter((value) => found.includes(value));
    return kept.length ? { ...space, values: kept } : space;
  }
  const numbers = found.filter((value) => typeof value === "number");
  if (!("min" in space && "max" in space) || numbers.length < 2) return space;
  return { ...space, min: Math.min(...numbers), max: Math.max(...numbers) };
}

/** Shows a text to copy or to save. */
export function showText({ title, note, text, name, type }) {
  const area = h("textarea", { rows: Math.min(18, text.split("\n").length + 1), readonly: true, class: "code", "aria-label": title });
  area.value = text;
  const copy = h("button", { type: "button", onclick: () => navigator.clipboard.writeText(text).then(() => (copy.textContent = "Copied")) }, "Copy");
  const save = name ? h("button", { type: "button", onclick: () => download(new Blob([text], { type }), name) }, `Save ${name}`) : null;
  openWindow(title, [h("p", { class: "note" }, note), area], copy, save);
}
