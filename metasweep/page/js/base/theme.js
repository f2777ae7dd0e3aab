// Light or dark: the system's choice, until the reader chooses. <html data-ground> has the current one.
import { h } from "page/base/dom";

const dark = matchMedia("(prefers-color-scheme: dark)");
const KEY = "metasweep-theme";

/** Sets light or dark and calls back when it changes; returns the button. */
export function themeButton(onchange) {
  let chosen = recall();
  const button = h("button", {
    type: "button",
    class: "theme",
    onclick: () => choose(ground() === "dark" ? "light" : "dark"),
  });
  const ground = () => chosen ?? (dark.matches ? "dark" : "light");
  const apply = () => {
    document.documentElement.dataset.ground = ground();
    const other = ground() === "dark" ? "Light" : "Dark";
    button.textContent = other;
    button.setAttribute("aria-label", `${other} colours`);
  };
  const choose = (theme) => {
    chosen = theme;
    remember(theme);
    apply();
    onchange();
  };
  dark.addEventListener("change", () => {
    apply();
    onchange();
  });
  apply();
  return button;
}

/** A page opened from a file may have no storage: then the choice lasts as long as the page. */
function recall() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function remember(theme) {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Only the choice of a colour is not remembered.
  }
}
