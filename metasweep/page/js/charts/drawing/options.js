// The choices that charts of lines share: a logarithmic axis and smoothing.
import { h } from "page/base/dom";

/** Controls that change {log, smooth} in place. */
export function lineOptions(options, onchange) {
  const log = h("input", {
    type: "checkbox",
    checked: options.log,
    onchange: () => {
      options.log = log.checked;
      onchange();
    },
  });
  const smooth = h("input", {
    type: "range",
    min: 0,
    max: 0.99,
    step: 0.01,
    value: options.smooth,
    "aria-label": "Smoothing",
    oninput: () => {
      options.smooth = Number(smooth.value);
      onchange();
    },
  });
  return [h("label", { class: "check" }, log, "log scale"), h("label", { class: "check" }, "smooth", smooth)];
}
