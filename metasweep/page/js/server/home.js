// The first page: all projects.
import { h } from "page/base/dom";
import { count } from "page/base/format";
import { heading } from "page/server/parts";
import { card } from "page/read/sections";
import { ago } from "page/server/time";

export class HomePage {
  constructor(root, data) {
    this.list = h("div", { class: "projects" });
    root.replaceChildren(heading(data.title), this.list);
    this.load(data);
  }

  load({ projects }) {
    const items = projects.map((project) => projectItem(project));
    const hint = h("p", { class: "note" }, "No project yet: it begins with a sweep or a run.");
    this.list.replaceChildren(...(items.length ? items : [card("Projects", hint)]));
  }
}

function projectItem({ name, entity, url, runs, running, sweeps, active }) {
  const numbers = [count(runs, "run"), count(sweeps, "sweep")];
  return h(
    "a",
    { class: "project", href: url },
    h("span", { class: "muted" }, entity),
    h("strong", {}, name),
    h("span", { class: "muted" }, numbers.join(" · ")),
    running
      ? h("span", { class: "state state-running" }, `${running} running`)
      : h("span", { class: "muted" }, `last active ${ago(active)}`),
  );
}
