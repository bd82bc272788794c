// Boxes and edges as SVG, in one pane or in two, and the legend below them.

function panes() {
  $("panes").replaceChildren(...(view === "side" ? ["before", "after"] : [view]).map((column) => {
    const world = shape("g", {}), canvas = shape("svg", { role: "group", "aria-label": `${D.name}: ${column}` }, arrowheads(), world);
    const pane = element("div", { class: "pane", "data-column": column }, canvas, view === "side" && element("span", { class: "side", text: column }));
    pane.world = world;
    pane.canvas = canvas;
    listen(pane);
    return pane;
  }));
}
function arrowheads() {
  return shape("defs", {}, ...ARROWS.map((state) => shape("marker", { id: `to-${state}`, viewBox: "0 0 10 10", refX: 7, refY: 5, markerWidth: 9, markerHeight: 9, markerUnits: "userSpaceOnUse", orient: "auto" },
    shape("path", { d: "M0 1L9 5L0 9z", style: `fill:var(--${state})` }))));
}
const all = () => [...document.querySelectorAll(".pane")];
function paint(everything) {
  const coarse = !everything && boxes.length > LARGE && camera.k < 0.2;
  for (const pane of all()) {
    const column = pane.dataset.column, own = (box) => box.members.some((index) => shows(nodes[index], column));
    const area = everything || boxes.length <= LARGE ? null : seen(pane);
    const inside = (box) => own(box) && (!area || (box.y + box.h > area.top && box.y - box.h < area.bottom && box.x + box.w > area.left && box.x - box.w < area.right));
    const lines = [];
    const merged = boxes.length > LARGE, parts = {};
    drawn.edges.forEach(([from, to, state], index) => {
      if (!own(boxes[from]) || !own(boxes[to]) || (column === "before" && state === "new") || (column === "after" && state === "dropped")) return;
      if (merged) { if (coarse || inside(boxes[from]) || inside(boxes[to])) (parts[state] ||= []).push(drawn.paths[index]); return; }
      lines.push(...stroke(drawn.paths[index], state, from, to));
    });
    for (const [state, found] of Object.entries(parts)) lines.push(...stroke(found.join(""), state));
    let figures;
    if (coarse) {
      const rects = {};
      boxes.filter(own).forEach((box) => (rects[box.state] ||= []).push(`M${box.x - box.w / 2} ${box.y - box.h / 2}h${box.w}v${box.h}h${-box.w}z`));
      figures = Object.entries(rects).map(([state, found]) => shape("g", { class: `box ${state}` }, shape("path", { class: "frame", d: found.join("") })));
    } else figures = boxes.filter(inside).map((box) => figure(box, column));
    pane.world.replaceChildren(...lines, ...figures);
    pane.area = area;
    pane.coarse = coarse;
  }
  light();
}
function stroke(path, state, from, to) {
  const source = from == null ? null : nodes[boxes[from].members[boxes[from].members.length - 1]], shapes = (source?.details || []).find(([what]) => what === "output shape");
  const title = { kept: "connection", changed: `carries another shape${shapes ? `: ${shapes[1]}` : ""}`, new: "new connection", dropped: "dropped connection" }[state];
  const line = shape("path", { class: `edge ${state}`, d: path, "marker-end": `url(#to-${state})`, "data-from": from, "data-to": to });
  line.append(shape("title", {}));
  line.firstChild.textContent = title;
  return state === "changed" ? [line, shape("path", { class: "edge core", d: path })] : [line];
}
function figure(place, column) {
  const { w, h } = place, box = { ...place, ...place.faces[column] }, left = -w / 2, top = -h / 2, round = box.kind === "layer" || box.kind === "fold" ? 8 : box.kind === "input" ? h / 2 : 2;
  const group = shape("g", { class: `box ${box.state} ${box.kind}${(box.pill || "").includes("→") ? " toggled" : ""}`, transform: `translate(${box.x} ${box.y})`, tabindex: -1, role: "button", "data-box": box.index });
  const words = [box.title, box.state, ...box.lines, box.pill].filter(Boolean).join(", ");
  group.setAttribute("aria-label", words);
  const title = shape("title", {});
  title.textContent = words;
  group.append(title);
  if (box.kind === "fold" || box.kind === "model") group.append(...[6, 3].map((by) => shape("rect", { class: "under", x: left + by, y: top - by, width: w - 2 * by, height: h, rx: round })));
  group.append(shape("rect", { class: "frame", x: left, y: top, width: w, height: h, rx: round }));
  if (box.state === "changed") group.append(shape("rect", { class: "double", x: left + 3.5, y: top + 3.5, width: w - 7, height: h - 7, rx: Math.max(round - 3, 0) }));
  group.append(shape("rect", { class: "ring", x: left - 4, y: top - 4, width: w + 8, height: h + 8, rx: round + 4 }));
  const mark = MARKS[box.state], inset = box.kind === "input" ? 20 : 12;
  const text = (content, x, y, kind, room, font) => {
    const made = shape("text", { x, y, class: kind });
    made.textContent = fitted(content, room, font);
    group.append(made);
  };
  if (mark) text(mark, left + inset, top + 18.5, "mark", 20, "14px monospace");
  const plus = box.kind === "fold" ? 52 : 0;
  const down = box.split ? 16 : 0;
  if (down) text(box.split[1], left + inset + (mark ? 15 : 0), top + 18 + down, "title", w - 2 * inset, "650 12.5px system-ui, sans-serif");
  text(box.split ? box.split[0] : box.title, left + inset + (mark ? 15 : 0), top + 18, "title", w - 2 * inset - (mark ? 15 : 0) - plus, "650 12.5px system-ui, sans-serif");
  if (plus) text("unfold ▸", left + w - inset - 44, top + 18, "minor", 60, "11px system-ui");
  let pill = 0;
  if (box.pill) {
    pen.font = "600 9.5px system-ui, sans-serif";
    pill = pen.measureText(box.pill).width + 12;
    const row = top + 24.5 + down;
    group.append(shape("g", { class: `pill${box.pill.includes("→") ? " turned" : ""}` }, shape("rect", { x: left + w - pill - 8, y: row, width: pill, height: 14, rx: 7 })));
    const label = shape("text", { x: left + w - pill - 2, y: row + 10.3 });
    label.textContent = box.pill;
    group.lastChild.append(label);
  }
  box.lines.forEach((line, index) => {
    const room = w - 2 * inset - (!index && pill ? pill : 0);
    text(line, left + inset, top + 34.5 + down + 14.5 * index, index && box.kind !== "fold" ? "" : "minor", room, "11px system-ui, sans-serif");
  });
  return group;
}

function legend() {
  const states = ["new", "changed", "dropped"].filter((state) => boxes.some((box) => box.state === state)), found = [];
  for (const state of states) found.push(element("span", {}, swatch(state), state));
  if (boxes.some((box) => box.fold >= 0)) found.push(element("span", {}, swatch("fold"), "a run of layers, folded: press twice to unfold"));
  if (boxes.some((box) => (box.pill || "").includes("→"))) found.push(element("span", { text: "“trainable → frozen”: only that changes" }));
  found.push(element("span", { text: matchMedia("(pointer: coarse)").matches ? "Drag to move, pinch to zoom" : "Drag to move, Ctrl and wheel to zoom, arrow keys to walk" }));
  $("legend").replaceChildren(...found);
}
function swatch(state) {
  const canvas = shape("svg", { width: 22, height: 14, "aria-hidden": "true" }), group = shape("g", { class: `box ${state}` });
  if (state === "fold") group.append(shape("rect", { class: "under", x: 4, y: 1, width: 14, height: 9, rx: 2 }));
  group.append(shape("rect", { class: "frame", x: 2, y: state === "fold" ? 3.5 : 2, width: 18, height: 10, rx: 3 }));
  canvas.append(group);
  return canvas;
}
