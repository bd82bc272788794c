// The table of all layers: sorted, filtered, and only its visible part in the page.

const COLUMNS = [["", "number", (row) => row.index], ["Name", "", (row) => row.name], ["Class", "", (row) => row.class], ["What happens", "", (row) => row.happens], ["Output shape", "", (row) => row.shape], ["Parameters", "number", (row) => row.parameters], ["Multiply-adds", "number", (row) => row.multiply_adds], ["Receptive field", "number", (row) => row.field], ["Activations", "number", (row) => row.bytes], ["Training", "", (row) => row.training]];
const table = nodes.map((node, index) => {
  const layer = layerOf(node), side = sideOf(node), state = stateOf(node), turned = STATES[node.state] === "toggled";
  return { index, name: layer.name, class: texts[layer.class].split(">").pop(), state, happens: turned ? (layer.trainable ? "unfrozen" : "frozen") : state, shape: side.shapes.map((each) => texts[each]).join(", "), parameters: layer.parameters, multiply_adds: "multiply_adds" in side ? side.multiply_adds : 0, field: side.field ? side.field[0] ?? Infinity : -1, fields: side.field, bytes: side.bytes, training: layer.parameters ? (layer.trainable ? "trainable" : "frozen") : "" };
});
const HAPPENS = ["new", "changed", "dropped", "frozen", "unfrozen", "kept"].filter((what) => table.some((row) => row.happens === what));
let rows = table, sorted = [0, 1];
const off = new Set(), ROW = 31;
function heads() {
  $("head").replaceChildren(element("tr", {}, ...COLUMNS.map(([text, kind], at) => element("th", { class: kind, scope: "col", "aria-sort": sorted[0] === at ? (sorted[1] > 0 ? "ascending" : "descending") : "none" },
    element("button", { type: "button", "aria-label": text || "number", text: `${text || "#"}${sorted[0] === at ? (sorted[1] > 0 ? " ▴" : " ▾") : ""}`, onclick: () => { sorted = [at, sorted[0] === at ? -sorted[1] : kind && at ? -1 : 1]; list(); } })))));
}
function list() {
  const wanted = $("filter").value.trim().toLowerCase().split(/\s+/).filter(Boolean), [column, way] = sorted, get = COLUMNS[column][2];
  rows = table.filter((row) => !off.has(row.happens) && wanted.every((word) => `${row.name} ${row.class} ${row.shape} ${row.happens} ${row.training}`.toLowerCase().includes(word)));
  rows.sort((a, b) => { const x = get(a), y = get(b); return way * (typeof x === "string" ? x.localeCompare(y, "en", { numeric: true }) : (x ?? -1) - (y ?? -1)) || a.index - b.index; });
  heads();
  $("rows").scrollTop = 0;
  $("shown").textContent = rows.length === table.length ? `${number(rows.length)} calls` : `${number(rows.length)} of ${number(table.length)}`;
  fill();
}
function fill(everything) {
  const few = everything || rows.length <= LARGE, from = few ? 0 : Math.max(0, Math.floor($("rows").scrollTop / ROW) - 20), to = few ? rows.length : Math.min(rows.length, from + 70);
  const space = (count) => element("tr", { "aria-hidden": "true" }, element("td", { colspan: COLUMNS.length, style: `height:${count * ROW}px;padding:0;border:0` }));
  $("body").replaceChildren(...(from ? [space(from)] : []), ...rows.slice(from, to).map((row) => {
    const line = element("tr", { class: row.state, "data-node": row.index }, element("td", { class: "number", text: row.index }), element("td", {}, element("button", { class: "link", type: "button", text: row.name })), element("td", { text: row.class }), element("td", { class: `state ${row.state}`, text: `${MARKS[row.state] || ""} ${row.happens}`.trim() }), element("td", { text: row.shape }), ...[row.parameters ? number(row.parameters) : "", row.multiply_adds === 0 ? "" : number(row.multiply_adds), fieldText(row.fields), scaled(row.bytes, "B")].map((text) => element("td", { class: "number", text })), element("td", { text: row.training }));
    line.addEventListener("click", () => { select(row.index, { center: true, unfolded: true, row: false }); markRow(); $("picture").scrollIntoView({ block: "nearest" }); });
    return line;
  }), ...(to < rows.length ? [space(rows.length - to)] : []));
  markRow();
}
function markRow() {
  $("body").querySelector(".selected")?.classList.remove("selected");
  if (selected != null) $("body").querySelector(`[data-node="${selected}"]`)?.classList.add("selected");
}
