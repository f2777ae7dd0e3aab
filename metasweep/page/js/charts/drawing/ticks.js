// Ticks of a logarithmic axis that can be told apart: powers of ten, or what else there is where they are few.

const MOST = 6;

export function logTicks(scale) {
  const ticks = scale.ticks(5);
  const powers = ticks.filter((tick) => /^1e/.test(tick.toExponential()));
  const kept = powers.length >= 2 ? powers : ticks;
  const step = Math.ceil(kept.length / MOST);
  return kept.filter((_, at) => at % step === 0);
}
