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
function describe(box) {
  const first = nodes[box.members[0]], last = nodes[box.members[box.members.length - 1]], layer = layerOf(first, view);
  box.state = stateOf(first);
  box.w = WIDTH;
  if (box.fold >= 0) {
    const layers = new Map(box.members.map((index) => [sideOf(nodes[index], view).layer, layerOf(nodes[index], view)]));
    const words = new Set(box.members.map((index) => freezing(nodes[index], view)).filter(Boolean));
    const parameters = [...layers.values()].reduce((sum, each) => sum + each.parameters, 0);
    const turned = [...words].some((word) => word.includes("→"));
    box.state = ["changed", "new", "dropped"].find((state) => box.members.some((index) => stateOf(nodes[index]) === state)) || "kept";
    box.pill = words.size === 1 ? [...words][0] : words.size ? (turned ? "→ partly frozen" : "partly frozen") : "";
    const happened = box.state === "kept" ? (turned ? "" : " unchanged") : box.state === "changed" ? " with another output shape" : ` ${box.state}`;
    box.title = `${nameOf(first)} … ${nameOf(last)}`;
    pen.font = "650 12.5px system-ui, sans-serif";
    box.split = pen.measureText(box.title).width > WIDTH - 80 ? [`${nameOf(first)} …`, nameOf(last)] : null;
    box.lines = [`${layers.size} layers${happened}`, parameters ? `${number(parameters)} parameters` : "no parameters"];
    box.kind = "fold";
  } else {
    const side = sideOf(first, view), shapes = side.shapes.map((each) => texts[each]);
    box.title = layer.name;
    box.kind = layer.kind;
    box.pill = freezing(first, view);
    const call = side.call ? ` · call ${side.call[0]} of ${side.call[1]}` : "";
    box.lines = [texts[layer.class].split(">").pop() + (layer.kind === "operation" ? " operation" : "") + call + (side.output ? " · output" : "")];
    const changes = view === "before" ? [] : first.details || [];
    const size = layer.parameters ? `${number(layer.parameters)} params` : "";
    const reshaped = changes.some(([what]) => what === "output shape");
    const facts = [reshaped ? "" : shapes.slice(0, 2).join(", ") + (shapes.length > 2 ? ` and ${shapes.length - 2} more` : ""), size, layer.inside ? `${layer.inside} layers inside` : ""];
    if (facts.some(Boolean)) box.lines.push(facts.filter(Boolean).join(" · "));
    changes.slice(0, 3).forEach(([what, change]) => box.lines.push(what === "output shape" ? change : `${what} ${change}`));
    if (changes.length > 3) box.lines.push(`and ${changes.length - 3} more`);
  }
  if (box.pill === "trainable") box.pill = "";
  box.h = 27 + 14.5 * box.lines.length + (box.split ? 16 : 0);
}
