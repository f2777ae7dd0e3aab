// Mean and interval of a few values, as the report has them: Student's t with n - 1 degrees of freedom.

const known = new Map();

/** {n, mean, half}: half is that of the 95 % interval, null for fewer than two values. */
export function interval(values) {
  const n = values.length;
  if (!n) return { n, mean: null, half: null };
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n === 1) return { n, mean, half: null };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  return { n, mean, half: (quantile(n - 1) * Math.sqrt(variance)) / Math.sqrt(n) };
}

/** The t that 95 % of Student's distribution lie within, by bisection of its exact probability. */
export function quantile(freedom) {
  if (!known.has(freedom)) {
    let [low, high] = [1, 20];
    while (high - low > 1e-9) {
      const middle = (low + high) / 2;
      if (within(middle, freedom) < 0.95) low = middle;
      else high = middle;
    }
    known.set(freedom, low);
  }
  return known.get(freedom);
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
