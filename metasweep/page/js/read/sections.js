// The sections of the page: highlights, progress, tables, findings, figures, facts.
import { h, link, wideTable } from "page/base/dom";
import { count } from "page/base/format";

/** A card with a heading. */
export function card(title, ...children) {
  const id = `section-${slug(title)}`;
  return h(
    "section",
    { class: "card", "aria-labelledby": `${id}-title`, id, tabindex: -1 },
    h("h2", { id: `${id}-title` }, title),
    ...children,
  );
}

function slug(text) {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-");
}

/** One section as the data describe it. */
export function section(data) {
  const makers = { table, findings, figure, facts };
  return makers[data.type](data);
}

function table({ title, columns, rows, notes }) {
  const numbers = columns.map((_, at) => at > 0 && isNumeric(rows.map((row) => row[at])));
  const head = h(
    "tr",
    {},
    columns.map((column, at) => h("th", { scope: "col", class: numbers[at] ? "number" : null }, column)),
  );
  const body = rows.map((row) =>
    h(
      "tr",
      {},
      row.map((cell, at) => h("td", { class: numbers[at] ? "number" : null }, cellContent(cell))),
    ),
  );
  return card(title, wideTable(`Table: ${title}`, head, body), ...notes.map((note) => h("p", { class: "note" }, note)));
}

/** Are most cells numbers? Others may be "best", a dash or empty. */
function isNumeric(cells) {
  const texts = cells.map(cellText).filter((text) => text && text !== "–");
  const numbers = texts.filter((text) => /^[-−–+<]?[\d.]/.test(text));
  return numbers.length > texts.length / 2;
}

function cellText(cell) {
  return String(cell?.text ?? cell ?? "");
}

function cellContent(cell) {
  const text = cellText(cell);
  const content = cell?.url ? link(cell.url, text) : text;
  return cell?.bold === true ? h("strong", {}, content) : content;
}

function findings({ title, items }) {
  const list = items.map(({ text, figure: name }) =>
    h("li", {}, text, name ? [" ", h("a", { href: `#section-${slug(name)}` }, "figure")] : []),
  );
  return card(
    title,
    items.length
      ? h("ul", { class: "findings" }, list)
      : h("p", { class: "note" }, "Nothing can be said about these runs."),
  );
}

function figure({ title, image, dark, alt, caption }) {
  const images = dark
    ? [picture(image, alt, "on-light"), picture(dark, alt, "on-dark")]
    : [picture(image, alt, "plate")];
  return card(
    title,
    h("figure", {}, ...images, caption ? h("figcaption", { class: "note" }, caption) : null),
  );
}

const PACKED = "gzip:";

function picture(address, alt, name) {
  const img = h("img", { alt, class: name });
  if (address.startsWith(PACKED)) unpack(address.slice(PACKED.length)).then((url) => (img.src = url));
  else if (/^(data:image\/(svg\+xml|png)[;,]|\/|\.\/)/.test(address)) img.src = address;
  return img;
}

/** The address of an SVG that came zipped, in base64. */
async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const svg = await new Response(stream).arrayBuffer();
  return URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
}

function facts({ title, items }) {
  return card(
    title,
    h(
      "dl",
      { class: "facts" },
      items.map(([name, value]) => [h("dt", {}, name), h("dd", {}, cellContent(value))]).flat(),
    ),
  );
}

/** Numbers at the top. */
export function highlights(items) {
  return h(
    "dl",
    { class: "highlights" },
    items.map(({ label, value, note }) =>
      h("div", {}, h("dt", {}, label), h("dd", {}, value), note ? h("dd", { class: "muted" }, note) : null),
    ),
  );
}

/** The grid's progress as a bar and in words. */
export function progress({ expected, finished, running, failed, missing, note }) {
  const parts = [
    ["finished", finished],
    ["running", running],
    ["failed", failed],
    ["missing", missing],
  ];
  const total = Math.max(
    expected ?? 0,
    parts.reduce((sum, [, number]) => sum + number, 0),
    1,
  );
  const bar = h("div", {
    class: "progress",
    role: "img",
    "aria-label": parts.map(([name, number]) => `${number} ${name}`).join(", "),
  });
  for (const [name, number] of parts) {
    const part = h("span", { class: `part-${name}` });
    part.style.width = `${(100 * number) / total}%`;
    bar.append(part);
  }
  const words = parts
    .filter(([name, number]) => number || name === "finished")
    .map(([name, number]) =>
      h("span", { class: `key key-${name}` }, `${number.toLocaleString("en")} ${name}`),
    );
  if (finished === expected) words.splice(0, 1, h("span", {}, `all ${count(expected, "run")} finished`));
  const goal = expected === null ? "no end set" : finished === expected ? "" : `of ${count(expected, "run")}`;
  return h(
    "div",
    { class: "progress-line" },
    finished === expected ? null : bar,
    h("p", { class: "muted" }, words, h("span", {}, goal), note ? h("span", {}, note) : null),
  );
}
