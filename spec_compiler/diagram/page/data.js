// The report's data, as the page's JSON holds it, and what the reader is looking at.

// Characters that would turn or hide a text are written as escapes, as `printable` does in Python.
const escaped = (code) => (code < 0x10000 ? "\\u" + code.toString(16).padStart(4, "0") : "\\U" + code.toString(16).padStart(8, "0"));
const printable = (text) => text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (each) => (each === "\n" || each === "\t" ? each : escaped(each.codePointAt(0))));
const D = JSON.parse(document.getElementById("data").textContent, (key, value) => (typeof value === "string" ? printable(value) : value));
const STATES = ["kept", "toggled", "changed", "new", "dropped"], ARROWS = ["kept", "changed", "new", "dropped"];
const MARKS = { changed: "~", new: "+", dropped: "−" }, LARGE = 400, WIDTH = 250, FAR = 0.3;
const VIEWS = [["diff", "Diff"], ["side", "Side by side"], ["before", "Before"], ["after", "After"]];
const $ = (id) => document.getElementById(id);
const number = (value) => (value == null ? "?" : value.toLocaleString("en-US"));
const nodes = D.nodes, texts = D.texts;
for (const node of nodes) for (const column of ["before", "after"]) node[column] = node[column] == null ? null : D.sides[node[column]];
const sideOf = (node, column) => (column === "before" ? node.before : column === "after" ? node.after : node.after || node.before);
const layerOf = (node, column) => { const side = sideOf(node, column); return side && D.layers[side.layer]; };
const stateOf = (node) => { const state = STATES[node.state]; return state === "toggled" ? "kept" : state; };
const nameOf = (node) => layerOf(node).name;
const foldOf = new Int32Array(nodes.length).fill(-1);
D.folds.forEach((group, fold) => group.forEach((index) => { foldOf[index] = fold; }));
const parents = nodes.map(() => []), children = nodes.map(() => []);
D.edges.forEach(([from, to, state]) => { children[from].push([to, state]); parents[to].push([from, state]); });

const open = new Set();
let view = "diff", selected = null, hits = new Set(), matches = [], matchAt = -1, boxes = [], drawn = null, camera = { x: 0, y: 0, k: 1 };
