// Elements made from plain values. Text always goes in as text nodes: what users typed is never parsed.

/** An HTML element; `on…` attributes are listeners, children are nodes or text. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** A link if the address is safe, else only its text. */
export function link(url, text, attributes = {}) {
  return safeUrl(url) ? h("a", { href: url, rel: "noopener", ...attributes }, text) : h("span", {}, text);
}

/** Only http(s) and relative addresses: never javascript: or data:. */
export function safeUrl(url) {
  if (typeof url !== "string" || url === "") return false;
  try {
    return ["http:", "https:", "file:"].includes(new URL(url, document.baseURI).protocol);
  } catch {
    return false;
  }
}

/** A canvas context in CSS pixels, the canvas sized for a pixel ratio. */
export function sizeCanvas(canvas, width, height, ratio) {
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

/** Merges calls within one frame into one call in the next frame. A call soon after that waits. */
export function perFrame(call, pause = 0) {
  let [asked, last] = [false, -Infinity];
  const run = (now) => {
    [asked, last] = [false, now];
    call();
  };
  return () => {
    if (asked) return;
    asked = true;
    const wait = last + pause - performance.now();
    if (wait > 0) setTimeout(requestAnimationFrame, wait, run);
    else requestAnimationFrame(run);
  };
}

export const READABLE = 120; // ms; text that changes faster is unreadable

/** Calls back when an element's width has changed, except while printing. */
export function whenResized(element, call) {
  let width = 0;
  new ResizeObserver(() => {
    if (element.clientWidth === width || matchMedia("print").matches) return;
    width = element.clientWidth;
    call();
  }).observe(element);
}

const measuring = document.createElement("canvas").getContext("2d");

/** Width of a text in CSS pixels. */
export function textWidth(text, font) {
  measuring.font = font;
  return measuring.measureText(text).width;
}

/** The text, shortened with an ellipsis to fit a width. */
export function fitText(text, width, font) {
  if (textWidth(text, font) <= width) return text;
  let [low, high] = [0, text.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (textWidth(`${text.slice(0, middle)}…`, font) <= width) low = middle;
    else high = middle - 1;
  }
  return `${text.slice(0, low)}…`;
}

const made = new WeakMap(); // element -> the JSON of its content

/** Fills an element with the result of `make` if the data have changed: a reader keeps scroll position and focus. */
export function refill(element, data, make) {
  const text = JSON.stringify(data);
  if (made.get(element) === text) return;
  made.set(element, text);
  element.replaceChildren(...[make(data)].flat(Infinity));
}

/** The same for a list of elements: only those whose item differs are replaced. */
export function refillList(parent, items, make) {
  items.forEach((item, at) => {
    const [text, old] = [JSON.stringify(item), parent.children[at]];
    if (old && made.get(old) === text) return;
    const element = make(item);
    made.set(element, text);
    if (old) old.replaceWith(element);
    else parent.append(element);
  });
  while (parent.children.length > items.length) parent.lastElementChild.remove();
}

/** A table that can be scrolled sideways if it is wider than its place: a group, for it is mostly in a region. */
export function wideTable(label, head, rows, name = "plain") {
  const table = h("table", { class: name }, h("thead", {}, head), h("tbody", {}, rows));
  return h("div", { class: "wide", tabindex: 0, role: "group", "aria-label": label }, table);
}

/** A labelled choice among a few options: `[value, text]`. */
export function choice(label, options, value, onchange) {
  const select = h("select", { "aria-label": label, title: label, onchange: () => onchange(select.value) });
  for (const [name, text] of options)
    select.append(h("option", { value: name, selected: name === value }, text));
  return select;
}
