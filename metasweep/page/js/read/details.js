// The card with everything about one run: follows the pointer, stays when the run was picked.
import { h, link, safeUrl } from "page/base/dom";
import { formatValue } from "page/base/format";
import { outcome } from "page/base/states";

export class Details {
  constructor(selection) {
    this.selection = selection;
    this.card = h("div", { class: "details", hidden: true });
    this.pinned = -1;
    this.pointer = null;
    document.body.append(this.card);
    document.addEventListener("pointermove", (event) => this.moved(event), { capture: true });
    document.addEventListener(
      "pointerdown",
      (event) => this.pinned >= 0 && !this.card.contains(event.target) && this.unpin(),
    );
    document.addEventListener("keydown", (event) => this.key(event), { capture: true });
    selection.addEventListener("highlight", () => this.show());
    selection.addEventListener("pick", ({ detail }) => detail.run >= 0 && this.pin(detail));
  }

  show() {
    if (this.pinned >= 0) return;
    const run = this.selection.highlighted;
    this.card.hidden = run < 0 || !this.pointer;
    if (run < 0) return;
    this.fill(run);
    this.follow();
  }

  moved(event) {
    this.pointer = { x: event.clientX, y: event.clientY };
    this.follow();
  }

  /** Hides the card at the pointer when the keyboard is used. */
  key(event) {
    this.pointer = null;
    if (event.key !== "Escape" || this.pinned < 0) return;
    this.closed = event; // this Escape was handled here
    this.unpin();
  }

  /** Keeps the card open, so that its link can be used; Escape or a click elsewhere closes it. */
  pin({ run, x, y }) {
    this.pinned = run;
    this.before = document.activeElement;
    this.fill(run);
    this.card.hidden = false;
    this.card.classList.add("pinned");
    this.card.setAttribute("role", "dialog");
    this.card.setAttribute("aria-label", `Run ${this.selection.study.values.name[run]}`);
    this.place(x, y);
    this.focus();
  }

  /** Takes an updated study: shows the same run with its new values. */
  load(before) {
    if (this.pinned < 0) return;
    const focused = this.card.contains(document.activeElement);
    this.pinned = this.selection.study.values.id.indexOf(before.values.id[this.pinned]);
    if (this.pinned < 0) this.close();
    else this.fill(this.pinned);
    if (focused && this.pinned >= 0) this.focus();
  }

  focus() {
    (this.card.querySelector("a") ?? this.card.querySelector("button")).focus({ preventScroll: true });
  }

  unpin() {
    if (this.pinned < 0) return;
    this.close();
    this.before?.focus?.({ preventScroll: true });
  }

  close() {
    this.pinned = -1;
    this.card.classList.remove("pinned");
    this.card.hidden = true;
  }

  follow() {
    if (this.pinned < 0 && this.pointer && !this.card.hidden) this.place(this.pointer.x, this.pointer.y);
  }

  /** Beside a point, inside the window. */
  place(x, y) {
    const { offsetWidth: width, offsetHeight: height } = this.card;
    const left = x + 18 + width > innerWidth ? x - 18 - width : x + 18;
    const top = Math.min(y + 14, innerHeight - height - 8);
    this.card.style.left = `${Math.max(8, left)}px`;
    this.card.style.top = `${Math.max(8, top)}px`;
  }

  fill(run) {
    const { study } = this.selection;
    const rows = study.columns.map((column) => [
      h("dt", {}, column.label),
      h("dd", {}, formatValue(column, study.values[column.name][run])),
    ]);
    const state = study.values.state[run];
    const url = study.values.url[run];
    this.card.replaceChildren(
      h(
        "div",
        { class: "details-head" },
        h("strong", {}, study.values.name[run] || study.values.id[run]),
        h("span", { class: `state state-${outcome(state)}` }, state),
        h(
          "button",
          { type: "button", class: "close", "aria-label": "Close", onclick: () => this.unpin() },
          "×",
        ),
      ),
      h("dl", {}, rows.flat()),
      ...(safeUrl(url) ? [h("p", {}, link(url, "Open the run"))] : []),
    );
  }
}
