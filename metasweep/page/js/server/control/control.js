// Pausing, resuming, stopping and cancelling a sweep.
import { h } from "page/base/dom";
import { refresh } from "page/live";
import { changeSweep } from "page/server/control/api";
import { attempt, question } from "page/base/dialog";

// state of the sweep -> the actions that the server allows
const OFFERS = {
  PENDING: ["pause", "stop", "cancel"],
  RUNNING: ["pause", "stop", "cancel"],
  PAUSED: ["resume", "stop", "cancel"],
  FINISHED: ["resume", "cancel"],
  CANCELED: ["resume"],
};
const ACTS = {
  pause: { label: "Pause", state: "PAUSED", done: "Paused: no new run begins, those under way go on.", hint: "No new run begins; those under way go on" },
  resume: { label: "Resume", state: "RUNNING", done: "Resumed: agents get runs again.", hint: "Agents get runs again" },
  stop: { label: "Stop", state: "FINISHED", done: "Stopped: runs under way end by themselves.", hint: "No new run begins; those under way end by themselves" },
  cancel: { label: "Cancel", state: "CANCELED", done: "Cancelled: runs under way are killed.", hint: "Runs under way are killed" },
};

/** The buttons of a sweep. */
export class SweepControl {
  constructor(name) {
    this.name = name;
    this.element = h("div", { class: "sweep-control", role: "group", "aria-label": "This sweep" });
  }

  load({ state, running }) {
    if (state === this.state && running === this.running) return;
    Object.assign(this, { state, running });
    const focus = document.activeElement?.dataset?.act;
    this.element.replaceChildren(...(OFFERS[state] ?? []).map((name) => this.button(name)));
    if (focus) this.element.querySelector(`[data-act="${focus}"]`)?.focus();
  }

  button(name) {
    const { label, hint } = ACTS[name];
    return h("button", { type: "button", "data-act": name, class: name === "cancel" ? "danger" : null, title: hint, onclick: () => this.act(name) }, label);
  }

  async act(name) {
    const { state, done } = ACTS[name];
    if (name === "cancel" && !(await this.sure())) return;
    await attempt(() => changeSweep(this.name, state), done);
    refresh();
  }

  sure() {
    const runs = this.running ? `${this.running} ${this.running === 1 ? "run" : "runs"} under way will be killed.` : "No run is under way.";
    return question({ title: "Cancel this sweep?", text: `${runs} What they have logged stays; they are not continued.`, yes: "Cancel the sweep", danger: true });
  }
}
