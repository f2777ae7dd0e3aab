// Times as people say them.

const UNITS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];

/** "3 minutes ago". */
export function ago(time) {
  const seconds = (Date.now() - new Date(time)) / 1000;
  for (const [name, size] of UNITS) {
    const number = Math.floor(seconds / size);
    if (number >= 1) return `${number} ${name}${number === 1 ? "" : "s"} ago`;
  }
  return "just now";
}

/** "1 h 4 min", "3 min 20 s", "7.5 s". */
export function duration(seconds) {
  if (seconds < 10) return `${Number(seconds.toPrecision(2))}\u202fs`;
  const [whole, minutes] = [Math.round(seconds), Math.round(seconds / 60)];
  if (whole < 60) return `${whole}\u202fs`;
  if (whole < 3600) return `${Math.floor(whole / 60)}\u202fmin ${whole % 60}\u202fs`;
  return `${Math.floor(minutes / 60)}\u202fh ${minutes % 60}\u202fmin`;
}
