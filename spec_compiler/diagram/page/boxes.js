// What stands in the picture now: a box for each node, or for a fold of them, and the edges between.

function shows(node, column) { return column === "before" ? node.before : column === "after" ? node.after : true; }
function compose() {
  const boxOf = new Int32Array(nodes.length).fill(-1), folds = new Map();
  boxes = [];
  nodes.forEach((node, index) => {
    if (!shows(node, view)) return;
    const fold = foldOf[index];
    if (fold >= 0 && !open.has(fold)) {
      if (!folds.has(fold)) { folds.set(fold, boxes.length); boxes.push({ fold, members: [] }); }
      boxOf[index] = folds.get(fold);
      boxes[boxOf[index]].members.push(index);
    } else { boxOf[index] = boxes.length; boxes.push({ fold: -1, members: [index] }); }
  });
  boxes.forEach((box) => describe(box));
  const edges = new Map();
  D.edges.forEach(([from, to, state]) => {
    const a = boxOf[from], b = boxOf[to];
    if (a < 0 || b < 0 || a === b) return;
    const arrow = ARROWS[state], gone = [from, to].some((each) => stateOf(nodes[each]) === "dropped");
    if (view === "diff" ? arrow === "dropped" && !gone : arrow === (view === "before" ? "new" : view === "after" ? "dropped" : "")) return;
    const key = a * boxes.length + b;
    if (!edges.has(key) || arrow !== "kept") edges.set(key, [a, b, arrow]);
  });
  const list = [...edges.values()];
  drawn = { edges: list, boxOf, ...layout(boxes, list) };
  boxes.forEach((box, index) => { box.x = drawn.x[index]; box.y = drawn.y[index]; box.index = index; });
}
// A box says in each pane what holds there: before, after, or both at once. Its height is that of the longest.
function describe(box) {
  box.faces = {};
  for (const column of view === "side" ? ["before", "after"] : [view]) {
    const members = box.members.filter((index) => shows(nodes[index], column));
    if (members.length) box.faces[column] = box.fold >= 0 ? foldFace(members, column) : layerFace(nodes[members[0]], column);
  }
  Object.assign(box, box.faces.after || box.faces[view] || box.faces.before, { w: WIDTH });
  box.h = Math.max(...Object.values(box.faces).map((face) => 27 + 14.5 * face.lines.length + (face.split ? 16 : 0)));
}
function foldFace(members, column) {
  const first = nodes[members[0]], last = nodes[members[members.length - 1]];
  const layers = new Map(members.map((index) => [sideOf(nodes[index], column).layer, layerOf(nodes[index], column)]));
  const words = new Set(members.map((index) => freezing(nodes[index], column)).filter(Boolean));
  const parameters = [...layers.values()].reduce((sum, each) => sum + each.parameters, 0);
  const turned = [...words].some((word) => word.includes("→"));
  const state = ["changed", "new", "dropped"].find((each) => members.some((index) => stateOf(nodes[index]) === each)) || "kept";
  const happened = state === "kept" ? (turned ? "" : " unchanged") : state === "changed" ? " with another output shape" : ` ${state}`;
  const title = `${nameOf(first)} … ${nameOf(last)}`;
  pen.font = "650 12.5px system-ui, sans-serif";
  return {
    kind: "fold", state, title, pill: pillOf(words.size === 1 ? [...words][0] : words.size ? (turned ? "→ partly frozen" : "partly frozen") : ""),
    split: pen.measureText(title).width > WIDTH - 80 ? [`${nameOf(first)} …`, nameOf(last)] : null,
    lines: [`${layers.size} layers${happened}`, parameters ? `${number(parameters)} parameters` : "no parameters"],
  };
}
function layerFace(node, column) {
  const side = sideOf(node, column), layer = layerOf(node, column), shapes = side.shapes.map((each) => texts[each]);
  const call = side.call ? ` · call ${side.call[0]} of ${side.call[1]}` : "";
  const lines = [texts[layer.class].split(">").pop() + (layer.kind === "operation" ? " operation" : "") + call + (side.output ? " · output" : "")];
  const changes = column === "before" ? [] : node.details || [];
  const size = layer.parameters ? `${number(layer.parameters)} params` : "";
  const reshaped = changes.some(([what]) => what === "output shape");
  const facts = [reshaped ? "" : shapes.slice(0, 2).join(", ") + (shapes.length > 2 ? ` and ${shapes.length - 2} more` : ""), size, layer.inside ? `${layer.inside} layers inside` : ""];
  if (facts.some(Boolean)) lines.push(facts.filter(Boolean).join(" · "));
  changes.slice(0, 3).forEach(([what, change]) => lines.push(what === "output shape" ? change : `${what} ${change}`));
  if (changes.length > 3) lines.push(`and ${changes.length - 3} more`);
  return { kind: layer.kind, state: stateOf(node), title: layer.name, pill: pillOf(freezing(node, column)), split: null, lines };
}
const pillOf = (word) => (word === "trainable" ? "" : word);
