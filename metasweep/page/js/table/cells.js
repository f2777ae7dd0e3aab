// The elements that the table of runs is made of: the head of a column, a row and its cells.
import { h, link, textWidth } from "page/base/dom";
import { count, formatInterval, formatValue } from "page/base/format";
import { outcome } from "page/base/states";
import { FONT, numeric } from "page/table/columns";

export const PICK = 34; // px of the column of check boxes

/** The head of a column, which can be sorted by, dragged to another place, and widened. */
export function headCell(study, columns, { column, width, left }, sort) {
  const { name, label } = column;
  const button = h(
    "button",
    { type: "button", draggable: "true", title: `${label}: sort; with Shift, sort by it too`, onclick: (event) => sort(name, event.shiftKey) },
    label,
  );
  button.addEventListener("dragstart", (event) => event.dataTransfer.setData("text/plain", name));
  const edge = h("span", {
    class: "edge",
    "aria-hidden": "true",
    onpointerdown: (event) => widen(event, (moved) => columns.resize(name, width + moved)),
    ondblclick: () => columns.resize(name, null),
  });
  const cell = h(
    "th",
    {
      scope: "col",
      class: classOf(study, column, left),
      "data-column": name,
      ondragover: (event) => event.preventDefault(),
      ondrop: (event) => {
        event.preventDefault();
        const dragged = event.dataTransfer.getData("text/plain");
        if (columns.byName.has(dragged)) columns.move(dragged, name);
      },
    },
    button,
    edge,
  );
  cell.style.width = `${width}px`;
  return placed(cell, left);
}

/** Drags the right edge of a column. */
function widen(begun, resize) {
  begun.preventDefault();
  const move = ({ clientX }) => resize(clientX - begun.clientX);
  const end = () => {
    removeEventListener("pointermove", move);
    removeEventListener("pointerup", end);
  };
  addEventListener("pointermove", move);
  addEventListener("pointerup", end);
}

/** A row of a run or of a group. `stop`: whether Tab leads to it; `grouped`: whether the table has groups. */
export function rowNode(study, places, row, { index, stop, open, grouped, picked }) {
  const cells = places.map((place) => placed(row.group ? groupCell(study, place, row, open) : runCell(study, place, row.run), place.left));
  const box = h("input", { type: "checkbox", tabindex: -1, "aria-label": row.group ? "Pick the group" : `Pick ${nameOf(study, row.run)}` });
  box.checked = picked;
  const pick = h("td", { class: "pick pinned" }, box);
  pick.style.left = "0";
  return h(
    "tr",
    {
      "data-run": row.group ? null : row.run,
      "data-group": row.group ?? null,
      class: row.group ? "group" : row.member ? "member" : null,
      "aria-expanded": row.group ? String(open) : null,
      "aria-level": grouped ? (row.group ? 1 : 2) : null,
      "aria-rowindex": index + 2,
      tabindex: stop ? 0 : -1,
    },
    pick,
    cells,
  );
}

function runCell(study, { column, width, left }, run) {
  const name = classOf(study, column, left);
  if (column.name === "name")
    return h("th", { scope: "row", class: name }, link(study.values.url[run], nameOf(study, run), { tabindex: -1 }));
  const text = formatValue(column, study.values[column.name][run]);
  if (column.name === "state") return h("td", { class: name }, h("span", { class: `state state-${outcome(text)}` }, text));
  return h("td", { class: name, title: textWidth(text, FONT) > width - 20 ? text : null }, text);
}

function groupCell(study, { column, left }, row, open) {
  const name = classOf(study, column, left);
  if (column.name === "name")
    return h("th", { scope: "row", class: name }, h("span", { class: "fold", "aria-hidden": "true" }, open ? "▾" : "▸"), count(row.runs.length, "run"));
  const cell = row.cell(column.name);
  if (cell.mixed) return h("td", { class: `${name ?? ""} muted` }, "…");
  if ("value" in cell) return h("td", { class: name }, formatValue(column, cell.value));
  return h("td", { class: name, title: `mean of ${count(cell.n, "run")}${cell.half === null ? "" : ", with its 95 % interval"}` }, formatInterval(column, cell));
}

/** Right-aligns numbers; on paper there is only room for the axes' columns. */
function classOf(study, column, left) {
  const detail = column.axis === false && column !== study.color;
  return [numeric(column) && "number", detail && "detail", left !== null && "pinned"].filter(Boolean).join(" ") || null;
}

/** Pins a cell beside the check boxes. */
function placed(cell, left) {
  if (left !== null) cell.style.left = `${PICK + left}px`;
  return cell;
}

function nameOf({ values }, run) {
  return values.name[run] || values.id[run];
}

/** The runs of a row: one, or those of its group. */
export function runsOf(row) {
  return row.group ? row.runs : [row.run];
}

/** A line of words below the rows. */
export function lastLine(places, text) {
  return h("tr", { class: "empty" }, h("td", { colspan: places.length + 1 }, text));
}

/** An empty row as high as those that are not in the document. */
export function spacer(height) {
  const row = h("tr", { class: "spacer", "aria-hidden": "true" });
  row.style.height = `${height}px`;
  return row;
}
