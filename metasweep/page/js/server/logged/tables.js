// Logged tables: fetched once, shown with the images that are in them.
import { h } from "page/base/dom";
import { formatNumber } from "page/base/format";

const MOST_ROWS = 200;

/** {columns, data} of a table's file. */
export async function fetchTable(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`no table at ${url}`);
  return response.json();
}

/** A table as elements; images lie beside its file. */
export function tableNodes({ columns, data }, base) {
  const numeric = columns.map((_, at) => data.every((row) => typeof row[at] === "number" || row[at] === null));
  const heads = columns.map((name, at) => h("th", { scope: "col", class: numeric[at] ? "number" : null }, String(name)));
  const rows = data.slice(0, MOST_ROWS).map((row) => h("tr", {}, row.map((value) => tableCell(value, base))));
  const made = [h("table", { class: "plain" }, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows))];
  if (data.length > MOST_ROWS) made.push(h("p", { class: "note" }, `The first ${MOST_ROWS} of ${data.length} rows.`));
  return made;
}

function tableCell(value, base) {
  if (typeof value === "number") return h("td", { class: "number" }, formatNumber(value));
  if (value === null) return h("td", { class: "muted" }, "–");
  if (typeof value !== "object") return h("td", {}, String(value));
  if (value._type === "image-file" && typeof value.path === "string" && base) {
    const src = base + value.path.split("/").map(encodeURIComponent).join("/");
    return h("td", {}, h("a", { href: src, class: "image" }, h("img", { src, alt: value.caption ?? "", loading: "lazy" })));
  }
  return h("td", {}, value._type ?? JSON.stringify(value));
}
