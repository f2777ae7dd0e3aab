// The reader's choices, kept in the address, so that they can be shared and survive a reload.
// A page from a file keeps them after the #, a server's page after the ?.

const inHash = location.protocol === "file:";
const WAIT = 250; // ms; browsers limit how often the address may change
let timer = 0;
const chosen = new URLSearchParams(inHash && !location.hash.startsWith("#section-") ? location.hash.slice(1) : location.search);

/** The text stored under a name, or a default. */
export function recall(name, otherwise = "") {
  return chosen.get(name) ?? otherwise;
}

/** Stores a text under a name; an empty text is removed. */
export function keep(name, text) {
  if (text === recall(name)) return;
  if (text) chosen.set(name, text);
  else chosen.delete(name);
  clearTimeout(timer);
  timer = setTimeout(write, WAIT);
}

/** Everything stored under names with this prefix: [[rest of the name, text]]. */
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
