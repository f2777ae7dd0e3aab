// Dialogs: questions before changes that cannot be undone, and fields to fill in.
import { h } from "page/base/dom";

/** Asks; returns the fields' texts by name, or null if the reader cancels. */
export function question({ title, text = "", fields = [], yes, danger = false }) {
  const inputs = fields.map(({ name, label, value = "", lines = 1, hint = "" }) => {
    const attributes = { name, id: `field-${name}` };
    const input = lines > 1 ? h("textarea", { ...attributes, rows: lines }) : h("input", { ...attributes, type: "text" });
    input.value = value;
    return h("div", { class: "field" }, h("label", { for: `field-${name}` }, label), input, hint ? h("p", { class: "note" }, hint) : null);
  });
  const no = h("button", { type: "submit", value: "no", formnovalidate: true }, "Cancel");
  const sure = h("button", { type: "submit", value: "yes", class: danger ? "primary danger-fill" : "primary" }, yes);
  const form = h("form", { method: "dialog" }, h("h2", { id: "question" }, title), text ? h("p", {}, text) : null, inputs, h("div", { class: "dialog-buttons" }, no, sure));
  const dialog = h("dialog", { "aria-labelledby": "question" }, form);
  document.body.append(dialog);
  dialog.showModal();
  (inputs.length ? form.querySelector("input, textarea") : no).focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const answer = dialog.returnValue === "yes" ? Object.fromEntries(new FormData(form)) : null;
      dialog.remove();
      resolve(answer);
    });
  });
}

/** Shows a window with a heading; `buttons` stand beside the one that closes it. Returns the window. */
export function openWindow(title, content, ...buttons) {
  const close = h("form", { method: "dialog", class: "dialog-buttons" }, buttons, h("button", {}, "Close"));
  const dialog = h("dialog", { class: "broad", "aria-labelledby": "window-title" }, h("h2", { id: "window-title" }, title), content, close);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Shows the result of a change in a line at the bottom of the window. */
export function say(text, problem = false) {
  document.querySelector(".toast")?.remove();
  const toast = h("p", { class: problem ? "toast problem" : "toast", role: problem ? "alert" : "status" }, text);
  document.body.append(toast);
  setTimeout(() => toast.remove(), problem ? 15_000 : 6_000);
}

/** Runs a change and shows the result; `done` is the message for success. */
export async function attempt(change, done) {
  try {
    await change();
    say(done);
  } catch (error) {
    say(error.message, true);
  }
}
