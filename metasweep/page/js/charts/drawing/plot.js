// What charts in SVG share: their element, the range of values, and ticks.
import { select } from "d3";

const MOST = 6; // ticks

/** An empty SVG for a chart. */
export function svg() {
  return select(document.createElementNS("http://www.w3.org/2000/svg", "svg")).attr("class", "axes");
}

/** [least, greatest] of some numbers; null without any. */
export function extent(numbers) {
  if (!numbers.length) return null;
  return [numbers.reduce((a, b) => Math.min(a, b)), numbers.reduce((a, b) => Math.max(a, b))];
}

/** Readable ticks of a logarithmic axis: powers of ten, or more if there are only a few of them. */
export function logTicks(scale) {
  const ticks = scale.ticks(5);
  const powers = ticks.filter((tick) => /^1e/.test(tick.toExponential()));
  const kept = powers.length >= 2 ? powers : ticks;
  const step = Math.ceil(kept.length / MOST);
  return kept.filter((_, at) => at % step === 0);
}
