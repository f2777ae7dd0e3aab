// A button that opens a small panel below itself; Escape or a click elsewhere closes it.
import { h } from "page/base/dom";

/** {element, body}: `fill(body)` is called whenever it opens. */
export function menu(label, fill) {
  const body = h("div", { class: "menu-body" });
  const element = h("details", { class: "menu" }, h("summary", {}, label), body);
  element.addEventListener("toggle", () => element.open && fill(body));
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !element.open) return;
    event.preventDefault();
    event.stopPropagation();
    element.open = false;
    element.querySelector("summary").focus();
  });
  document.addEventListener("pointerdown", (event) => {
    if (element.open && !element.contains(event.target)) element.open = false;
  });
  return { element, body };
}
