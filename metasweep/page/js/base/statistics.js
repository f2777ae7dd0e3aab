// Mean and interval of a few values, as in the report: Student's t with n - 1 degrees of freedom.

const known = new Map();

/** {n, mean, half}: half is the half-width of the 95 % interval, null for fewer than two values. */
export function interval(values) {
  const n = values.length;
  if (!n) return { n, mean: null, half: null };
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n === 1) return { n, mean, half: null };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  return { n, mean, half: (quantile(n - 1) * Math.sqrt(variance)) / Math.sqrt(n) };
}

/** The t with |T| < t for this share of Student's distribution, by bisection of its exact probability. */
export function quantile(freedom, inside = 0.95) {
  const key = `${freedom} ${inside}`;
  if (!known.has(key)) {
    let [low, high] = [0, 1];
    while (within(high, freedom) < inside) high *= 2;
    while (high - low > 1e-9 * high) {
      const middle = (low + high) / 2;
      if (within(middle, freedom) < inside) low = middle;
      else high = middle;
    }
    known.set(key, low);
  }
  return known.get(key);
}

/** {n, mean, std, p}: two-sided paired t test of two Maps from a seed to a value, over the seeds of both. */
export function pairedT(a, b) {
  const differences = [...a].filter(([seed]) => b.has(seed)).map(([seed, value]) => value - b.get(seed));
  const n = differences.length;
  const mean = differences.reduce((sum, value) => sum + value, 0) / n;
  if (n < 2) return { n, mean: n ? mean : null, std: null, p: null };
  let std = Math.sqrt(differences.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1));
  if (mean === 0) return { n, mean, std, p: 1 };
  if (std < 1e-9 * Math.abs(mean)) std = Math.abs(mean) / Math.sqrt(12); // steps of one image: as in the report
  return { n, mean, std, p: 1 - within(Math.abs(mean) / (std / Math.sqrt(n)), n - 1) };
}

/** Paired t tests of one of several samples against each; p is Holm's over all pairs of them. */
export function against(best, samples) {
  const pairs = [];
  for (let a = 0; a < samples.length; a += 1)
    for (let b = a + 1; b < samples.length; b += 1) pairs.push([a, b, pairedT(samples[a], samples[b])]);
  const adjusted = holm(pairs.map(([, , { p }]) => p));
  return samples.map((_, at) => {
    const pair = pairs.findIndex(([a, b]) => at !== best && [a, b].includes(best) && [a, b].includes(at));
    return pair < 0 ? null : { ...pairs[pair][2], p: adjusted[pair] };
  });
}

/** Holm's (1979) adjusted p-values; null is no test: it stays and is not counted. */
export function holm(values) {
  const tested = values.map((p, at) => [p, at]).filter(([p]) => p !== null).sort((a, b) => a[0] - b[0]);
  const adjusted = values.map(() => null);
  let largest = 0;
  tested.forEach(([p, at], rank) => {
    largest = Math.max(largest, Math.min(1, (tested.length - rank) * p));
    adjusted[at] = largest;
  });
  return adjusted;
}

/** Seeds with which a true difference would be shown with 80 % power, at 5 % over so many comparisons; null above `most`. */
export function seedsToShow(difference, std, comparisons = 1, most = 1000) {
  if (!(Math.abs(difference) > 0 && std > 0)) return null;
  for (let n = 2; n <= most; n += 1) {
    const needed = quantile(n - 1, 1 - 0.05 / comparisons) + quantile(n - 1, 0.6);
    if ((needed * std) / Math.sqrt(n) <= Math.abs(difference)) return n;
  }
  return null;
}

/** P(|T| < t) for whole degrees of freedom: Abramowitz and Stegun, 26.7.3 and 26.7.4. */
function within(t, freedom) {
  const angle = Math.atan(t / Math.sqrt(freedom));
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const odd = freedom % 2 === 1;
  let [term, sum] = [odd ? cosine : 1, 0];
  for (let power = odd ? 1 : 0; power <= freedom - 2; power += 2) {
    sum += term;
    term *= ((power + 1) / (power + 2)) * cosine ** 2;
  }
  return odd ? (2 / Math.PI) * (angle + sine * sum) : sine * sum;
}
