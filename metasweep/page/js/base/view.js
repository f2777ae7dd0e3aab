// What the reader has chosen, kept in the address: to be shared, and there again after a reload.
// A page from a file keeps it behind the #, one of a server behind the ?.

const inHash = location.protocol === "file:";
const WAIT = 250; // ms: browsers allow only so many changes of the address
let timer = 0;
const chosen = new URLSearchParams(inHash && !location.hash.startsWith("#section-") ? location.hash.slice(1) : location.search);

/** The text kept under a name, or what stands for nothing chosen. */
export function recall(name, otherwise = "") {
  return chosen.get(name) ?? otherwise;
}

/** Keeps a text under a name; an empty one is forgotten. */
export function keep(name, text) {
  if (text === recall(name)) return;
  if (text) chosen.set(name, text);
  else chosen.delete(name);
  clearTimeout(timer);
  timer = setTimeout(write, WAIT);
}

/** All that is kept under names with such a beginning: [[rest of the name, text]]. */
export function recallAll(prefix) {
  return [...chosen].filter(([name]) => name.startsWith(prefix)).map(([name, text]) => [name.slice(prefix.length), text]);
}

/** Several values as one text, and back: names may hold anything. */
export function joined(values) {
  return values.map((value) => encodeURIComponent(value)).join(",");
}

export function split(text) {
  return text ? text.split(",").map(decodeURIComponent) : [];
}

function write() {
  const text = String(chosen);
  const hash = location.hash.startsWith("#section-") ? location.hash : "";
  history.replaceState(null, "", inHash ? `#${text}` : `${location.pathname}${text ? `?${text}` : ""}${hash}`);
}
