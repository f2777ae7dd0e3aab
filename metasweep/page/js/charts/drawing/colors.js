// viridis, trimmed and turned so that the best runs stand out most against the page; grey for chance.
import { scaleLinear } from "d3";
import { atChance } from "page/base/data";

// Eleven stops of matplotlib's viridis (CC0).
const VIRIDIS = [
  "#440154",
  "#482475",
  "#414487",
  "#355f8d",
  "#2a788e",
  "#21918c",
  "#22a884",
  "#44bf70",
  "#7ad151",
  "#bddf26",
  "#fde725",
];
const RANGE = { light: [0.93, 0], dark: [0.2, 1] }; // from the worst to the best run
const GREY = { light: "#868e9d", dark: "#6b7488" };
const STEPS = 64;

const viridis = scaleLinear()
  .domain(VIRIDIS.map((_, index) => index / (VIRIDIS.length - 1)))
  .range(VIRIDIS)
  .clamp(true);

/** A colour for a quality in [0, 1]. */
export function qualityColor(quality, theme) {
  const [worst, best] = RANGE[theme];
  const step = Math.round(Math.min(Math.max(quality, 0), 1) * STEPS) / STEPS;
  return viridis(worst + (best - worst) * step);
}

/** One colour per run, by the study's colour metric and its axis. */
export function runColors(study, axis, theme) {
  const palette = Array.from({ length: STEPS + 1 }, (_, step) => qualityColor(step / STEPS, theme));
  const values = study.values[study.color.name];
  return values.map((value) => {
    if (typeof value !== "number" || atChance(study, study.color, value)) return GREY[theme];
    return palette[Math.round(quality(study, axis, value) * STEPS)];
  });
}

/** The position of a value between the worst (0) and the best (1). */
function quality(study, axis, value) {
  const at = Math.min(Math.max(axis.scale.forward(value), 0), 1);
  return study.color.goal === "min" ? 1 - at : at;
}

/** Okabe and Ito's colours for groups, tuned for each ground. */
export const GROUPS = {
  light: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#3a86c8", "#6a4c93", "#444b59"],
  dark: ["#56b4e9", "#ff9e5e", "#2fd0a0", "#f2a6cf", "#f0e442", "#8ab8ff", "#c3a6ff", "#c8cdd8"],
};
