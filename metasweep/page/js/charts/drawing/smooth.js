// An exponential moving average without bias towards its beginning, as in W&B's workspace.

/** Points [x, y], each the weighted mean of itself and earlier ones; `weight` in [0, 1) is the weight of the past. */
export function smoothed(points, weight) {
  let [last, count] = [0, 0];
  return points.map(([x, y]) => {
    last = last * weight + (1 - weight) * y;
    count += 1;
    return [x, last / (1 - weight ** count)];
  });
}
