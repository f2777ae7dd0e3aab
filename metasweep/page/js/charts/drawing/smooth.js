// An exponential moving average without the pull towards its beginning, as W&B's workspace has it.

/** Points [x, y], each the weighted mean of itself and those before; `weight` in [0, 1) is that of the past. */
export function smoothed(points, weight) {
  let [last, count] = [0, 0];
  return points.map(([x, y]) => {
    last = last * weight + (1 - weight) * y;
    count += 1;
    return [x, last / (1 - weight ** count)];
  });
}
