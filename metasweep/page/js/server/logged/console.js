// The output of a run: its last lines, with search, following and download.
import { h, link } from "page/base/dom";
import { count } from "page/base/format";
import { card } from "page/read/sections";

export class Console {
  constructor() {
    this.lines = [];
    this.search = h("input", { type: "search", placeholder: "Find in the log", "aria-label": "Find in the log", oninput: () => this.find() });
    this.follow = h("input", { type: "checkbox", checked: true });
    this.found = h("span", { class: "muted", role: "status" });
    this.whole = h("button", { type: "button", hidden: true, onclick: () => this.loadAll() }, "All lines");
    this.log = h("pre", { class: "console", tabindex: 0, role: "log", "aria-label": "Console" });
    this.more = h("p", { class: "note" });
    const controls = h("div", { class: "controls" }, this.search, h("label", { class: "check" }, this.follow, "follow"), this.whole, this.found);
    this.element = card("Console", controls, this.log, this.more);
    this.log.addEventListener("scroll", () => this.scrolled());
  }

  /** Scrolling up stops following; scrolling to the end starts it again. */
  scrolled() {
    const atEnd = this.log.scrollTop + this.log.clientHeight >= this.log.scrollHeight - 8;
    if (!this.moving) this.follow.checked = atEnd;
    this.moving = false;
  }

  load({ count: number, lines, url }) {
    const key = JSON.stringify([number, lines.at(-1)]);
    if (key === this.last) return;
    [this.last, this.number, this.url] = [key, number, url];
    const first = lines[0]?.[0] ?? 0;
    this.lines = this.complete ? [...this.lines.filter(([at]) => at < first), ...lines] : lines;
    this.draw();
  }

  draw() {
    const rows = this.lines.map(([, text, error]) => h("span", { class: error ? "error" : null }, `${text}\n`));
    this.log.replaceChildren(...(rows.length ? rows : ["Nothing was printed."]));
    this.whole.hidden = this.number <= this.lines.length;
    this.more.replaceChildren(
      this.whole.hidden ? "" : `The last ${this.lines.length.toLocaleString("en")} of ${this.number.toLocaleString("en")} lines. `,
      this.number ? link(this.url, "As text", { download: "output.log" }) : "",
    );
    this.find();
    if (this.follow.checked) {
      this.moving = true;
      this.log.scrollTop = this.log.scrollHeight;
    }
  }

  /** Fetches every line, so that the search looks through all of them. */
  async loadAll() {
    const response = await fetch(this.url);
    if (!response.ok) return;
    const text = await response.text();
    const errors = new Map(this.lines.map(([at, , error]) => [at, error]));
    this.lines = text.replace(/\n$/, "").split("\n").map((line, at) => [at, line.replace(/\x1b\[[0-9;?]*[ -/]*[@-~]/g, ""), errors.get(at) ?? false]);
    this.complete = true;
    this.draw();
  }

  /** Shows the lines that hold the text. */
  find() {
    const text = this.search.value.trim().toLowerCase();
    let hits = 0;
    [...this.log.children].forEach((row) => {
      const hit = row.textContent.toLowerCase().includes(text);
      row.hidden = Boolean(text) && !hit;
      hits += hit;
    });
    this.found.textContent = text ? count(hits, "line") : "";
  }
}
