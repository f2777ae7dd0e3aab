// Numbers as people read them.

const SUPERSCRIPT = {
  "-": "⁻",
  0: "⁰",
  1: "¹",
  2: "²",
  3: "³",
  4: "⁴",
  5: "⁵",
  6: "⁶",
  7: "⁷",
  8: "⁸",
  9: "⁹",
};

/** A power of ten as 10⁻³, anything else with a few significant digits. */
export function formatNumber(value, log = false) {
  if (typeof value !== "number") return String(value);
  if (log && value > 0) {
    const exponent = Math.log10(value);
    if (Math.abs(exponent - Math.round(exponent)) < 1e-9) return power(Math.round(exponent));
  }
  if (value === 0 || (Number.isInteger(value) && Math.abs(value) < 1e6)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return scientific(value);
  return String(Number(value.toPrecision(4)));
}

/** Uses powers only if all numbers are powers, since 10⁻³ is hard to compare with 0.003. */
function powersOnly(column) {
  return (column.levels ?? []).every((level) => Math.abs(Math.log10(level) % 1) < 1e-9);
}

function power(exponent) {
  return exponent === 0 ? "1" : `10${[...String(exponent)].map((digit) => SUPERSCRIPT[digit]).join("")}`;
}

function scientific(value) {
  const [digits, exponent] = value.toExponential(2).split("e");
  return (Number(digits) === 1 ? "" : `${Number(digits)}×`) + power(Number(exponent));
}

/** A fraction as a percentage, with two decimals unless told otherwise. */
export function formatPercent(fraction, decimals = 2) {
  return `${(fraction * 100).toFixed(decimals)}\u202f%`;
}

/** A tick label of an accuracy axis, with as few decimals as possible. */
export function formatAccuracyTick(fraction) {
  return `${Number((fraction * 100).toPrecision(7))}%`;
}

/** A value of a column as text. */
export function formatValue(column, value) {
  if (value === null || value === undefined) return "–";
  if (column.kind === "accuracy") return formatPercent(value);
  if (typeof value === "boolean") return String(value);
  return formatNumber(value, column.log && column.kind === "discrete" && powersOnly(column));
}

/** A mean and the half-width of its interval, with decimals that suit the width: 98.41 ± 0.12 %. */
export function formatInterval(column, { mean, half }) {
  if (mean === null) return "–";
  if (half === null) return formatValue({ ...column, kind: column.kind === "accuracy" ? "accuracy" : "number" }, mean);
  if (column.kind === "accuracy") return `${(mean * 100).toFixed(2)} ± ${(half * 100).toFixed(2)}\u202f%`;
  if (half === 0) return `${formatNumber(mean)} ± 0`;
  const digits = Math.max(0, 1 - Math.floor(Math.log10(half)));
  const size = Math.abs(mean);
  if (size >= 1e6 || (size < 1e-3 && size > 0) || digits > 6) return `${formatNumber(mean)} ± ${formatNumber(Number(half.toPrecision(2)))}`;
  return `${mean.toFixed(digits)} ± ${half.toFixed(digits)}`;
}

/** "1 run", "2 runs". */
export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}
