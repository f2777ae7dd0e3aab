// Two sweeps side by side: the differences in what they search, in their numbers and in their findings.
import { openWindow, say } from "page/base/dialog";
import { h, link, refill, wideTable } from "page/base/dom";
import { menu } from "page/base/menu";
import { keep, recall } from "page/base/view";
import { ask, place } from "page/server/control/api";

const AGAIN = 3000; // ms between two requests for the other sweep
const SWEEPS = `query Sweeps($entity: String, $project: String) {
  project(name: $project, entityName: $entity) { sweeps(first: 1000) { edges { node { name displayName } } } }
}`;

export class Difference {
  /** `data()` returns the newest document of the page's sweep. */
  constructor(name, data) {
    Object.assign(this, { name, data });
    this.menu = menu("Compare with", (body) => this.fill(body).catch((error) => say(error.message, true)));
    const kept = recall("against");
    if (kept) this.open(kept);
  }

  async fill(body) {
    const { project } = await ask(SWEEPS, place());
    const others = project.sweeps.edges.map(({ node }) => node).filter(({ name }) => name !== this.name);
    const items = others.map(({ name, displayName }) =>
      h("li", {}, h("button", { type: "button", class: "quiet", onclick: () => this.open(name) }, displayName || name)),
    );
    body.replaceChildren(items.length ? h("ul", { class: "column-list" }, items) : h("p", { class: "note" }, "This project has no other sweep."));
  }

  /** Shows the difference, and follows it while it is open. */
  async open(other) {
    this.menu.element.open = false;
    keep("against", other);
    const address = location.pathname.replace(/[^/]+\/?$/, encodeURIComponent(other));
    const body = h("div");
    const dialog = openWindow("What changed between two sweeps", body);
    dialog.addEventListener("close", () => keep("against", ""));
    while (dialog.open) {
      const response = await fetch(`${address}/data`).catch(() => null); // the server may be away: it is asked again
      const theirs = response?.ok ? await response.json() : null;
      const mine = this.data();
      if (theirs && mine) refill(body, [parts(mine), parts(theirs)], ([one, two]) => difference(one, two, address));
      else if (response?.status === 404) body.replaceChildren(h("p", { class: "problem", role: "alert" }, `There is no sweep ${other} here.`));
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
    }
  }
}

/** What is compared of a sweep: lists of [name, text], and sentences. */
function parts({ title, sections, highlights, progress }) {
  const { items = [] } = sections.find(({ type }) => type === "facts") ?? {};
  const findings = sections.find((section) => section.type === "findings")?.items.map(({ text }) => text) ?? [];
  const numbers = highlights.map(({ label, value, note }) => [label, note ? `${value} (${note})` : value]);
  return { title, space: items, numbers: [["finished", String(progress?.finished ?? 0)], ...numbers], findings };
}

function difference(one, two, address) {
  const heads = () => [one.title, link(address, two.title)];
  return [
    h("h3", {}, "Searched"),
    table(heads(), changed(one.space, two.space, ["id", "created"])) ?? h("p", { class: "note" }, "They search the same."),
    h("h3", {}, "Reached"),
    table(heads(), changed(one.numbers, two.numbers, [])) ?? h("p", { class: "note" }, "Their numbers are the same."),
    h("h3", {}, "Findings"),
    ...foundInOne(one, two),
  ];
}

/** [name, text of one, text of the other] of what is not the same. */
function changed(mine, theirs, without) {
  const [a, b] = [new Map(mine), new Map(theirs)];
  const names = [...new Set([...a.keys(), ...b.keys()])].filter((name) => !without.includes(name));
  return names.filter((name) => a.get(name) !== b.get(name)).map((name) => [name, a.get(name) ?? "–", b.get(name) ?? "–"]);
}

function table(heads, rows) {
  if (!rows.length) return null;
  const head = h("tr", {}, h("td", {}, ""), heads.map((text) => h("th", { scope: "col" }, text)));
  const body = rows.map(([name, ...texts]) => h("tr", {}, h("th", { scope: "row" }, name), texts.map((text) => h("td", {}, text))));
  return wideTable("What differs", head, body);
}

/** Sentences of one that the other does not have. */
function foundInOne(one, two) {
  const only = (a, b) => a.findings.filter((text) => !b.findings.includes(text));
  const lists = [
    [one, two],
    [two, one],
  ].map(([a, b]) => [a, only(a, b)]);
  if (!lists.some(([, texts]) => texts.length)) return [h("p", { class: "note" }, one.findings.length ? "The same is said about both." : "Nothing can be said about them yet.")];
  return lists.map(([sweep, texts]) => [
    h("h4", {}, `Only about ${sweep.title}`),
    texts.length ? h("ul", { class: "findings" }, texts.map((text) => h("li", {}, text))) : h("p", { class: "note" }, sweep.findings.length ? "Nothing else." : "Nothing yet."),
  ]);
}
