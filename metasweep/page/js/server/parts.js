// What the server's pages share: the heading and lists of names and values.
import { h, link } from "page/base/dom";
import { formatNumber, formatPercent } from "page/base/format";
import { ago, duration } from "page/server/time";
import { themeButton } from "page/base/theme";

/** Title, what stands beside it, and the button for the colours. */
export function heading(title, beside = null, onTheme = () => {}) {
  return h("header", {}, h("div", { class: "title" }, h("h1", {}, title), beside), themeButton(onTheme));
}

/** Names and values as a list. */
export function pairs(items) {
  return h(
    "dl",
    { class: "facts" },
    items.map(([name, value]) => [h("dt", {}, name), h("dd", {}, valueNode(value))]).flat(),
  );
}

function valueNode(value) {
  if (value === null) return "none";
  if (typeof value === "boolean") return value ? "true" : "false";
  if (typeof value === "number") return formatNumber(value);
  if (typeof value !== "object") return String(value);
  if ("fraction" in value) return formatPercent(value.fraction);
  if (value.url) return link(value.url, value.text);
  if (value.time) return h("time", { datetime: value.time, title: value.time }, ago(value.time));
  return duration(value.seconds);
}
