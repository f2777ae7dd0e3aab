// Readable ticks of a logarithmic axis: powers of ten, or more if there are only a few of them.

const MOST = 6;

export function logTicks(scale) {
  const ticks = scale.ticks(5);
  const powers = ticks.filter((tick) => /^1e/.test(tick.toExponential()));
  const kept = powers.length >= 2 ? powers : ticks;
  const step = Math.ceil(kept.length / MOST);
  return kept.filter((_, at) => at % step === 0);
}
