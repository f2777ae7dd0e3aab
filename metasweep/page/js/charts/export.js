// Saves a chart as a file: the SVG as shown, with colours and fonts written into it, or a PNG.
import { h } from "page/base/dom";

const STYLES = [
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linejoin",
  "opacity", "font-family", "font-size", "font-weight", "text-anchor", "visibility",
];
const PNG_SCALE = 2;

/** Two buttons that save the result of `source()`, {layers, width, height, title}, under a name. */
export function exportButtons(name, source) {
  const save = (kind) => {
    const text = standalone(source());
    if (kind === "svg") download(new Blob([text], { type: "image/svg+xml" }), `${fileName(name())}.svg`);
    else toPng(text, source()).then((blob) => download(blob, `${fileName(name())}.png`));
  };
  return ["svg", "png"].map((kind) =>
    h(
      "button",
      { type: "button", class: "quiet", "aria-label": `Save ${name()} as ${kind.toUpperCase()}`, onclick: () => save(kind) },
      kind.toUpperCase(),
    ),
  );
}

/** The text of an SVG that needs no style sheet. */
function standalone({ layers, width, height, title }) {
  const root = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const ground = getComputedStyle(document.documentElement).getPropertyValue("--card");
  for (const [key, value] of Object.entries({ xmlns: root.namespaceURI, width, height, viewBox: `0 0 ${width} ${height}` }))
    root.setAttribute(key, value);
  root.append(element("title", {}, title), element("rect", { width, height, fill: ground }));
  for (const layer of layers) root.append(layer.isConnected ? styled(layer) : layer);
  return new XMLSerializer().serializeToString(root);
}

/** What a painter draws on a canvas, as paths of an SVG. */
export function asPaths({ runs, alpha, width, stroke }) {
  const group = element("g", { fill: "none", "stroke-opacity": alpha.toFixed(3), "stroke-width": width.toFixed(2), "stroke-linejoin": "round" });
  const pen = new Pen(group);
  for (const run of runs) stroke(pen, run);
  return group;
}

/** The part of a canvas' context with which lines are drawn. */
class Pen {
  constructor(group) {
    this.group = group;
  }

  beginPath() {
    this.path = "";
  }

  moveTo(...at) {
    this.add("M", at);
  }

  lineTo(...at) {
    this.add("L", at);
  }

  bezierCurveTo(...at) {
    this.add("C", at);
  }

  add(letter, numbers) {
    this.path += letter + numbers.map((number) => Number(number.toFixed(2))).join(" ");
  }

  stroke() {
    this.group.append(element("path", { d: this.path, stroke: this.strokeStyle }));
  }
}

/** A copy of an SVG's content with the computed styles of every element. */
function styled(svg) {
  const copy = svg.cloneNode(true);
  const [from, to] = [[svg, ...svg.querySelectorAll("*")], [copy, ...copy.querySelectorAll("*")]];
  from.forEach((node, at) => {
    const style = getComputedStyle(node);
    for (const name of STYLES) if (style.getPropertyValue(name)) to[at].setAttribute(name, style.getPropertyValue(name));
    for (const name of ["class", "tabindex", "role", "style"]) to[at].removeAttribute(name);
  });
  const group = document.createElementNS("http://www.w3.org/2000/svg", "g");
  group.append(...copy.childNodes);
  return group;
}

function element(tag, attributes, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

async function toPng(text, { width, height }) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = h("canvas", { width: width * PNG_SCALE, height: height * PNG_SCALE });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => {
    canvas.toBlob(resolve, "image/png");
  });
}

/** Hands the reader a file. */
export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function fileName(text) {
  return text.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^-+|-+$/g, "") || "chart";
}
