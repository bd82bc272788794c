"use strict";
(() => {
  const D = JSON.parse(document.getElementById("data").textContent);
  const STATES = ["kept", "toggled", "changed", "new", "dropped"], ARROWS = ["kept", "changed", "new", "dropped"];
  const MARKS = { changed: "~", new: "+", dropped: "−" }, LARGE = 400, WIDTH = 250;
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

  function element(tag, properties, ...inside) {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(properties || {})) {
      if (value == null || value === false) continue;
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else if (key === "text") made.textContent = value;
      else made.setAttribute(key, value === true ? "" : value);
    }
    made.append(...inside.filter((each) => each != null && each !== false));
    return made;
  }
  function shape(tag, properties, ...inside) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(properties || {})) if (value != null) made.setAttribute(key, value);
    made.append(...inside.filter(Boolean));
    return made;
  }
  const pen = document.createElement("canvas").getContext("2d");
  function fitted(text, width, font) {
    pen.font = font;
    if (pen.measureText(text).width <= width) return text;
    let low = 0, high = text.length;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (pen.measureText(text.slice(0, middle) + "…").width <= width) low = middle; else high = middle - 1;
    }
    return text.slice(0, low) + "…";
  }
  function scaled(value, unit) {
    if (value == null) return "?";
    const steps = unit === "B" ? [[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [1024, "KiB"]] : [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
    for (const [size, word] of steps) if (value >= size) return `${(value / size).toFixed(value / size < 10 ? 2 : value / size < 100 ? 1 : 0)} ${word}`;
    return unit === "B" ? `${value} B` : String(value);
  }
  const share = (before, after) => {
    if (before == null || after == null || !before || before === after) return "";
    const change = (after / before - 1) * 100;
    return ` (${change > 0 ? "+" : "−"}${Math.abs(change) < 0.05 ? "<0.1" : Math.abs(change).toFixed(1)} %)`;
  };
  const freezing = (node, column) => {
    const before = layerOf(node, "before"), after = layerOf(node, "after");
    const word = (layer) => (layer && layer.parameters ? (layer.trainable ? "trainable" : "frozen") : "");
    const was = node.before ? word(before) : "", now = node.after ? word(after) : "";
    if (column === "before" || !now) return was;
    return was && was !== now ? `${was} → ${now}` : now;
  };

  // boxes: what stands in the picture now

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

  // drawing

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
  function figure(box, column) {
    const { w, h } = box, left = -w / 2, top = -h / 2, round = box.kind === "layer" || box.kind === "fold" ? 8 : box.kind === "input" ? h / 2 : 2;
    const group = shape("g", { class: `box ${box.state} ${box.kind}`, transform: `translate(${box.x} ${box.y})`, tabindex: -1, role: "button", "data-box": box.index });
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
  function light() {
    document.querySelectorAll(".box.selected, .box.hit").forEach((each) => { each.classList.remove("selected", "hit"); each.setAttribute("tabindex", -1); });
    document.querySelectorAll(".edge.lit").forEach((each) => each.classList.remove("lit"));
    const here = chosen();
    const marked = new Set([...hits].map((index) => drawn.boxOf[index]));
    for (const pane of all()) {
      marked.forEach((index) => pane.world.querySelector(`[data-box="${index}"]`)?.classList.add("hit"));
      const found = here && pane.world.querySelector(`[data-box="${here.index}"]`);
      if (found) { found.classList.add("selected"); found.setAttribute("tabindex", 0); }
      else pane.world.querySelector(".box[data-box]")?.setAttribute("tabindex", 0);
      if (here) pane.world.querySelectorAll(`[data-from="${here.index}"],[data-to="${here.index}"]`).forEach((each) => each.classList.add("lit"));
    }
  }
  const chosen = () => (selected == null || drawn.boxOf[selected] < 0 ? null : boxes[drawn.boxOf[selected]]);

  // the camera: one for all panes

  const size = () => { const pane = all()[0]; return { width: pane.clientWidth, height: pane.clientHeight }; };
  function seen(pane) {
    const wide = pane.clientWidth / camera.k, high = pane.clientHeight / camera.k, left = -camera.x / camera.k, top = -camera.y / camera.k;
    return { left: left - wide, right: left + 2 * wide, top: top - high, bottom: top + 2 * high };
  }
  function move(x, y, k) {
    const { width, height } = size(), w = drawn.width * k, h = drawn.height * k, slack = 60;
    camera = { k, x: clamp(x, Math.min(slack, width - w - slack), Math.max(slack, width - w - slack)), y: clamp(y, Math.min(slack, height - h - slack), Math.max(slack, height - h - slack)) };
    for (const pane of all()) pane.world.setAttribute("transform", `translate(${camera.x.toFixed(2)} ${camera.y.toFixed(2)}) scale(${k.toFixed(4)})`);
    if (boxes.length > LARGE) {
      const [pane] = all(), now = seen(pane), was = pane.area, high = (now.bottom - now.top) / 3;
      if (pane.coarse !== camera.k < 0.2 || !was || now.top + high < was.top || now.bottom - high > was.bottom || now.bottom - now.top < (was.bottom - was.top) / 2.5) paint();
    }
  }
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  function zoom(factor, x, y) {
    const { width, height } = size(), k = clamp(camera.k * factor, Math.min(0.02, fitting()), 3);
    x ??= width / 2; y ??= height / 2;
    move(x - (x - camera.x) * (k / camera.k), y - (y - camera.y) * (k / camera.k), k);
  }
  const fitting = () => { const { width, height } = size(); return Math.min(1, (width - 32) / Math.max(drawn.width, 1), (height - 40) / Math.max(drawn.height, 1)); };
  function fit() { const { width, height } = size(), k = fitting(); move((width - drawn.width * k) / 2, (height - drawn.height * k) / 2, k); }
  function center(box, k) {
    const { width, height } = size();
    k = k || Math.max(camera.k, Math.min(0.75, width / (WIDTH + 40)));
    move(width / 2 - box.x * k, height / 2 - box.y * k, k);
  }
  function begin() {
    const { width } = size(), whole = fitting();
    if (whole >= 0.55) return fit();
    const k = clamp((width - 40) / drawn.width, 0.6, 1), first = boxes.find((box) => box.state !== "kept") || boxes.find((box) => (box.pill || "").includes("→"));
    if (first) center(first, k); else move(0, 16, k);
    if (drawn.width * k < width) move((width - drawn.width * k) / 2, camera.y, k);
  }
  function redraw(keep) {
    const anchor = keep && chosen(), at = anchor && { x: anchor.x * camera.k + camera.x, y: anchor.y * camera.k + camera.y };
    compose();
    if (boxes.length > LARGE) all().forEach((pane) => { pane.area = null; });
    const now = keep && chosen();
    if (now && at) move(at.x - now.x * camera.k, at.y - now.y * camera.k, camera.k);
    paint();
    legend();
    const folded = boxes.some((box) => box.fold >= 0);
    $("folding").hidden = !D.folds.length;
    $("folding").textContent = folded ? "Unfold all" : "Fold";
  }
  function show(next) {
    view = next;
    $("views").querySelectorAll("button").forEach((each) => { each.setAttribute("aria-checked", each.value === view); each.tabIndex = each.value === view ? 0 : -1; });
    panes();
    redraw();
    const here = chosen();
    if (here) center(here); else begin();
  }
  function foldAll() {
    const folded = boxes.some((box) => box.fold >= 0);
    open.clear();
    if (folded) D.folds.forEach((_, fold) => open.add(fold));
    redraw(true);
    if (!chosen()) begin(); else center(chosen());
  }

  function listen(pane) {
    const pointers = new Map();
    let moved = 0;
    pane.addEventListener("pointerdown", (event) => { pointers.set(event.pointerId, [event.clientX, event.clientY]); moved = pointers.size > 1 ? 99 : 0; });
    pane.addEventListener("pointermove", (event) => {
      const was = pointers.get(event.pointerId);
      if (!was) return;
      const now = [event.clientX, event.clientY], frame = pane.getBoundingClientRect();
      if (pointers.size === 2) {
        const [other] = [...pointers.entries()].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
        const length = (a) => Math.hypot(a[0] - other[0], a[1] - other[1]);
        zoom(length(now) / Math.max(length(was), 1), (now[0] + other[0]) / 2 - frame.left, (now[1] + other[1]) / 2 - frame.top);
      } else if ((moved += Math.hypot(now[0] - was[0], now[1] - was[1])) > 4) {
        pane.setPointerCapture(event.pointerId);
        pane.classList.add("dragging");
        move(camera.x + now[0] - was[0], camera.y + now[1] - was[1], camera.k);
      }
      pointers.set(event.pointerId, now);
    });
    const up = (event) => { pointers.delete(event.pointerId); pane.classList.remove("dragging"); };
    pane.addEventListener("pointerup", up);
    pane.addEventListener("pointercancel", up);
    pane.addEventListener("pointerleave", (event) => { if (!pane.classList.contains("dragging")) up(event); });
    pane.addEventListener("click", (event) => {
      if (moved > 4) return;
      const group = event.target.closest("[data-box]");
      if (group) return press(boxes[group.dataset.box], event.detail > 1);
      if (pane.coarse) {
        const frame = pane.getBoundingClientRect(), y = (event.clientY - frame.top - camera.y) / camera.k, x = (event.clientX - frame.left - camera.x) / camera.k;
        const near = boxes.reduce((best, box) => (Math.hypot(box.x - x, box.y - y) < Math.hypot(best.x - x, best.y - y) ? box : best), boxes[0]);
        select(near.members[0], { center: true });
      }
    });
    pane.addEventListener("wheel", (event) => {
      const frame = pane.getBoundingClientRect();
      if (event.ctrlKey || event.metaKey) { event.preventDefault(); zoom(Math.exp(-event.deltaY * 0.0022), event.clientX - frame.left, event.clientY - frame.top); return; }
      const { x, y } = camera;
      move(camera.x - event.deltaX, camera.y - event.deltaY, camera.k);
      if (camera.x !== x || camera.y !== y) event.preventDefault();
    }, { passive: false });
  }
  function press(box, twice) {
    if (box.fold >= 0 && (twice || (selected != null && drawn.boxOf[selected] === box.index))) return unfold(box.fold);
    select(box.members[0], { focus: true });
  }
  function unfold(fold) { open.add(fold); selected = D.folds[fold].find((index) => shows(nodes[index], view)); redraw(true); center(chosen()); select(selected, {}); }

  // what is selected, everywhere

  function select(index, { center: wanted, focus, unfolded, row = true, line = true } = {}) {
    selected = index;
    if (!shows(nodes[index], view)) show("diff");
    if (unfolded && foldOf[index] >= 0 && !open.has(foldOf[index])) { open.add(foldOf[index]); redraw(); }
    const box = chosen();
    if (wanted) center(box); else reveal(box);
    light();
    if (focus) document.querySelector(".box.selected")?.focus({ preventScroll: true });
    if (box.fold >= 0 && !unfolded) foldDetails(box); else details(index);
    if (line) litLines(nodes[index].links || []);
    if (row) markRow();
    try { history.replaceState(null, "", `#layer=${encodeURIComponent(nodes[index].key)}`); } catch { /* a page without a history */ }
  }
  function reveal(box) {
    const { width, height } = size(), x = box.x * camera.k + camera.x, y = box.y * camera.k + camera.y;
    if (x < 20 || y < 20 || x > width - 20 || y > height - 20) center(box);
  }
  function go(index) { select(index, { center: true, unfolded: true }); }
  const jump = (index, text) => element("button", { class: "link", type: "button", text: text || nameOf(nodes[index]), onclick: () => go(index) });

  function details(index) {
    const node = nodes[index], before = layerOf(node, "before"), after = layerOf(node, "after"), layer = after || before, state = stateOf(node);
    const was = node.before, now = node.after, pair = (get, text) => {
      const old = was ? get(was, before) : null, fresh = now ? get(now, after) : null;
      if (!was || !now || text(old) === text(fresh)) return text(now ? fresh : old);
      return `${text(old)} → ${text(fresh)}`;
    };
    const shapes = (side) => side.shapes.map((each) => texts[each]).join(", ") || "?";
    const facts = [
      ["Class", texts[layer.class] + (layer.kind === "operation" ? " (operation)" : "")],
      ["Output shape", pair(shapes, String)],
      ["Parameters", pair((_, each) => each.parameters, number)],
      ["Multiply-adds", pair((side) => ("multiply_adds" in side ? side.multiply_adds : 0), number)],
      ["Receptive field", pair((side) => side.field, (field) => (field ? field.map((each) => each ?? "whole").join(" × ") : "—"))],
      ["Activations", pair((side) => side.bytes, (bytes) => scaled(bytes, "B"))],
      layer.parameters ? ["Training", freezing(node, "diff")] : null,
      (now || was).call ? ["Shared", `call ${(now || was).call[0]} of ${(now || was).call[1]}`] : null,
      layer.inside ? ["Inside", `${layer.inside} layers`] : null,
      node.match ? ["Matched", `by ${node.match[1]}${node.match[0] !== layer.name ? `, with ${node.match[0]}` : ""}`] : null,
      node.match && node.match[2] != null ? ["Stored weights", node.match[2] ? "the same, bit for bit" : "different"] : null,
    ].filter(Boolean);
    const list = element("dl", {});
    for (const [what, value] of facts) list.append(element("dt", { text: what }), element("dd", { text: value }));
    const places = (node.links || []).filter(() => D.spec);
    if (places.length) list.append(element("dt", { text: "Comes from" }), element("dd", {}, ...places.flatMap((place) => {
      const [path, from] = D.spec.places[place];
      return [element("button", { class: "link place", type: "button", text: `${path} (line ${from + 1})`, onclick: () => { litLines([place], true); } }), document.createElement("br")];
    })));
    for (const [what, found] of [["Takes", parents[index]], ["Goes to", children[index]]]) {
      const near = found.filter(([, arrow]) => ARROWS[arrow] !== "dropped" || state === "dropped");
      if (near.length) list.append(element("dt", { text: what }), element("dd", {}, ...near.slice(0, 12).flatMap(([each], at) => [at ? ", " : "", jump(each)]), near.length > 12 ? ` and ${near.length - 12} more` : ""));
    }
    $("detail").replaceChildren(
      element("div", { class: "head" }, element("b", { text: layer.name }), element("span", { class: `chip ${table[index].happens}`, text: `${MARKS[state] || ""} ${table[index].happens}`.trim() })),
      list, ...ledger(node, layer), ...config(before, after, node),
    );
    if (foldOf[index] >= 0) $("detail").append(element("p", {}, element("button", { type: "button", text: "Fold this run again", onclick: () => { open.delete(foldOf[index]); redraw(true); select(index, { center: true }); } })));
    $("detail").scrollTop = 0;
  }
  function foldDetails(box) {
    const group = box.members, list = element("ul", { class: "members" });
    group.slice(0, 300).forEach((index) => list.append(element("li", {}, jump(index), ` ${texts[layerOf(nodes[index]).class]}`)));
    $("detail").replaceChildren(
      element("div", { class: "head" }, element("b", { text: box.title }), element("span", { class: `chip ${box.state}`, text: box.state })),
      element("p", { class: "hint", text: [...box.lines, box.pill].filter(Boolean).join(" · ") }),
      element("p", {}, element("button", { id: "unfold", type: "button", text: `Unfold ${group.length} layers`, onclick: () => unfold(box.fold) })),
      element("h3", { text: "In this run" }), list, group.length > 300 ? element("p", { class: "hint", text: `and ${group.length - 300} more` }) : "",
    );
    $("detail").scrollTop = 0;
  }
  const unpack = (layer) => (layer && layer.config ? new Map(D.layouts[layer.config[0]].map((key, at) => [texts[key], texts[layer.config[at + 1]]])) : new Map());
  function config(before, after, node) {
    const old = unpack(before), fresh = unpack(after), keys = [...new Set([...fresh.keys(), ...old.keys()])];
    if (!keys.length) return [];
    const differs = (key) => node.before && node.after && old.get(key) !== fresh.get(key);
    const empty = (key) => (fresh.get(key) ?? old.get(key)) === "null";
    const group = (key) => (differs(key) ? 0 : empty(key) ? 3 : /initializer/.test(key) ? 1 : 2);
    keys.sort((a, b) => group(a) - group(b));
    const table = element("table", { class: "config" });
    for (const key of keys) {
      const cell = element("td", {});
      if (differs(key)) cell.append(element("del", { text: old.has(key) ? old.get(key) : "—" }), " → ", element("ins", { text: fresh.has(key) ? fresh.get(key) : "—" }));
      else cell.textContent = fresh.has(key) ? fresh.get(key) : old.get(key);
      table.append(element("tr", { class: differs(key) ? "differs" : null }, element("th", { scope: "row", text: key }), cell));
    }
    return [element("h3", { text: node.before && node.after && keys.some(differs) ? "Arguments, before → after" : "Arguments" }), table];
  }
  function ledger(node, layer) {
    const rows = D.ledger && (D.ledger.rows[layer.name] || []), variables = new Map((layer.variables || []).map(([path, ...rest]) => [texts[path], rest.map((each) => texts[each])]));
    if (!variables.size && !(rows || []).length) return [];
    const table = element("table", { class: "ledger" });
    const known = new Map((rows || []).map((row) => [texts[row[0]], row]));
    for (const name of new Set([...variables.keys(), ...known.keys()])) {
      const row = known.get(name), [form, dtype] = variables.get(name) || ["", ""], cell = element("td", {}, `${form} ${dtype}`.trim());
      if (row) {
        const [, action, reason, source, sum, other] = [row[0], texts[row[1]], texts[row[2]], ...row.slice(3)];
        cell.append(element("br"), `${action}: ${reason}`);
        if (source) cell.append(element("br"), element("code", { text: source }));
        if (sum) cell.append(element("br"), element("code", { class: "checksum", title: "Checksum of its bytes", text: `checksum ${sum}` }), other ? element("code", { text: ` → ${other}` }) : element("span", { text: " ✓ the same in the result" }));
        else if (other) cell.append(element("br"), element("code", { class: "checksum", text: `checksum ${other}` }));
      }
      table.append(element("tr", {}, element("th", { scope: "row", text: name }), cell));
    }
    const hint = D.ledger || !D.spec ? "" : element("p", { class: "hint", text: "Checksums are in reports that are made with the weight ledger." });
    return [element("h3", { text: D.ledger ? "Weights, from the ledger" : "Weights" }), table, hint];
  }

  // the spec

  const placesAt = [];
  function spec() {
    if (!D.spec) return;
    $("source").hidden = false;
    document.querySelector(".work").classList.add("with-spec");
    if (D.spec.file) $("source-title").textContent = D.spec.file;
    const owners = D.spec.places.map(() => []);
    nodes.forEach((node, index) => (node.links || []).forEach((place) => owners[place].push(index)));
    D.spec.places.forEach(([, from, to], place) => { for (let line = from; line <= to; line++) (placesAt[line] ||= []).push(place); });
    const length = (place) => D.spec.places[place][2] - D.spec.places[place][1];
    $("lines").replaceChildren(...D.spec.lines.map((text, line) => {
      const mine = (placesAt[line] || []).sort((a, b) => length(a) - length(b)), pre = element("pre", {}, ...coloured(text));
      const row = element("div", { class: "line", "data-line": line }, element("span", { class: "no", text: line + 1 }), pre);
      if (mine.length) {
        const found = owners[mine[0]], state = stateOf(nodes[found[0]]), many = found.length === 1 ? "1 layer" : `${found.length} layers`;
        row.classList.add("linked", state);
        row.setAttribute("role", "button");
        row.setAttribute("tabindex", 0);
        row.setAttribute("aria-label", `line ${line + 1}: ${text.trim()}: ${many}`);
        row.title = many;
        const act = () => { hits = new Set(found); litLines([mine[0]]); select(found[0], { center: true, line: false, unfolded: found.length === 1 }); };
        row.addEventListener("click", act);
        row.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); act(); } });
      }
      return row;
    }));
  }
  function coloured(text) {
    const comment = /(^|\s)#.*$/.exec(text), code = comment ? text.slice(0, comment.index + comment[1].length) : text, rest = text.slice(code.length);
    const key = /^(\s*(?:- )*)([\w.">-]+)(:)(?=\s|$)/.exec(code), found = [];
    if (key) found.push(key[1], element("span", { class: "key", text: key[2] }), code.slice(key[1].length + key[2].length)); else found.push(code);
    if (rest) found.push(element("span", { class: "comment", text: rest }));
    return found;
  }
  function litLines(places, scroll) {
    if (!D.spec) return;
    $("lines").querySelectorAll(".on").forEach((each) => each.classList.remove("on"));
    const own = places.filter((place) => !/^bases?$/.test(D.spec.places[place][0])), smallest = own.length ? own : places;
    let first = null, final = null;
    for (const place of smallest) {
      const [, from, to] = D.spec.places[place];
      for (let line = from; line <= to; line++) { const row = $("lines").children[line]; row.classList.add("on"); first ||= row; final = row; }
    }
    if (first) {
      const box = $("lines").getBoundingClientRect(), row = first.getBoundingClientRect();
      if (row.top < box.top || final.getBoundingClientRect().bottom > box.bottom) $("lines").scrollTop += row.top - box.top - box.height / 3;
      if (scroll) { $("source").scrollIntoView({ block: "nearest" }); if (first.tabIndex >= 0) first.focus({ preventScroll: true }); }
    }
  }

  // search

  function search(step) {
    const wanted = $("find").value.trim().toLowerCase();
    if (!step) {
      const known = (node) => `${nameOf(node)} ${texts[layerOf(node).class]}`.toLowerCase();
      matches = wanted ? nodes.map((_, index) => index).filter((index) => known(nodes[index]).includes(wanted)) : [];
      matchAt = matches.length ? 0 : -1;
      hits = new Set(matches);
    } else if (matches.length) matchAt = (matchAt + step + matches.length) % matches.length;
    $("found").textContent = !wanted ? "" : matches.length ? `${matchAt + 1} of ${matches.length}` : "none";
    if (matchAt >= 0) select(matches[matchAt], { center: true, unfolded: true }); else light();
  }

  // figures

  function cards() {
    const { before: a, after: b } = D.summary, origin = `from ${D.base}`, counts = {}, seen = new Set();
    table.forEach((row) => { if (!seen.has(`${row.state} ${row.name}`)) { seen.add(`${row.state} ${row.name}`); counts[row.happens] = (counts[row.happens] || 0) + 1; } });
    $("origin").textContent = `${origin} · ${number(a.layers)} → ${number(b.layers)} layers`;
    $("counts").replaceChildren(...["new", "changed", "dropped", "frozen", "unfrozen", "kept"].filter((state) => counts[state]).map((state) => element("span", { class: `chip ${state}` }, MARKS[state] ? element("b", { text: MARKS[state] }) : "", `${number(counts[state])} ${state}`)));
    const field = (side) => (side.field ? side.field.sizes.join(" × ") : "—"), shapes = (side, key) => side[key].slice(0, 2).join(", ") + (side[key].length > 2 ? ` and ${side[key].length - 2} more` : "");
    const cost = (side) => (side.multiply_adds == null ? "input size is open" : scaled(side.multiply_adds));
    const card = (what, was, now, extra = "", change = "") => element("div", { class: "card" }, element("div", { class: "what", text: what }), element("div", { class: now.length > 16 ? "now long" : "now", text: now }), element("div", { class: "was", text: (was === now ? "as before" : `was ${was}${change}`) + extra }));
    $("cards").replaceChildren(
      card("Parameters", number(a.parameters), number(b.parameters), "", share(a.parameters, b.parameters)),
      card("Trainable", number(a.parameters - a.frozen), number(b.parameters - b.frozen), b.frozen ? `, ${number(b.frozen)} frozen` : ""),
      card("Multiply-adds per example", cost(a), cost(b), "", share(a.multiply_adds, b.multiply_adds)),
      card("Receptive field", field(a), field(b), b.field ? `, at ${b.field.layer}` : ""),
      card("Input", shapes(a, "inputs"), shapes(b, "inputs")),
      card("Output", shapes(a, "outputs"), shapes(b, "outputs")),
    );
  }
  let measure = "multiply_adds";
  function profile() {
    const measures = [["multiply_adds", "Multiply-adds"], ["bytes", "Activations"], ["parameters", "Parameters"]];
    const value = (node, column) => { const side = sideOf(node, column); return !side ? 0 : measure === "parameters" ? (side.call && side.call[0] > 1 ? 0 : D.layers[side.layer].parameters) : side[measure] || 0; };
    const bins = Math.min(nodes.length, 200), each = nodes.length / bins, bars = [];
    for (let bin = 0; bin < bins; bin++) {
      const from = Math.floor(bin * each), to = Math.max(from + 1, Math.floor((bin + 1) * each)), sum = { before: 0, after: 0 };
      for (let index = from; index < to; index++) for (const column of ["before", "after"]) sum[column] += value(nodes[index], column);
      bars.push({ from, to, ...sum });
    }
    const most = Math.max(1, ...bars.map((bar) => Math.max(bar.before, bar.after))), W = 1000, H = 186, M = 92, step = W / bins;
    const chart = shape("svg", { class: "chart", viewBox: `0 0 ${W} ${H}`, preserveAspectRatio: "none", role: "img", "aria-label": `${measure.replace("_", "-")} of each layer in order, after above the line, before below` });
    bars.forEach((bar, at) => {
      const group = shape("g", {}), title = shape("title", {}), text = measure === "bytes" ? (v) => scaled(v, "B") : number;
      title.textContent = `${nameOf(nodes[bar.from])}${bar.to - bar.from > 1 ? ` … ${nameOf(nodes[bar.to - 1])}` : ""}: ${text(bar.before)} → ${text(bar.after)}`;
      group.append(title, shape("rect", { x: at * step, y: 0, width: step, height: H, fill: "transparent" }));
      const width = Math.max(step * 0.78, 0.5), x = at * step + (step - width) / 2;
      if (bar.after) group.append(shape("rect", { class: "a", x, y: M - (bar.after / most) * (M - 2), width, height: (bar.after / most) * (M - 2) }));
      if (bar.before) group.append(shape("rect", { class: "b", x, y: M + 2, width, height: (bar.before / most) * (M - 2) }));
      group.addEventListener("click", () => { go(bar.from); $("picture").scrollIntoView({ block: "nearest" }); });
      chart.append(group);
    });
    chart.append(shape("line", { class: "axis", x1: 0, x2: W, y1: M + 1, y2: M + 1 }));
    $("profile").replaceChildren(element("div", { class: "pick" }, element("div", { class: "segments", role: "radiogroup", "aria-label": "Measure" }, ...measures.map(([key, text]) => element("button", { type: "button", role: "radio", "aria-checked": String(key === measure), text, onclick: () => { measure = key; profile(); } }))), element("span", { class: "hint", text: "layer by layer: after above the line, before below" })), chart);
  }
  function memory() {
    const { before: a, after: b } = D.summary, head = element("tr", {}, element("th", { scope: "col", text: "Batch size" }), ...["Predicting, before", "after", "Training, before", "after"].map((text) => element("th", { scope: "col", text })));
    const rows = [1, 8, 16, 32, 64, 128].map((batch) => element("tr", {}, element("th", { scope: "row", text: batch }), ...[a.peak_bytes, b.peak_bytes, a.activation_bytes, b.activation_bytes].map((bytes) => element("td", { text: scaled(bytes == null ? null : bytes * batch, "B") }))));
    $("memory").replaceChildren(element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)), element("p", { class: "note", text: "Memory of activations alone: predicting, the most alive at once; training, all that the backward pass may need. Weights and an engine's own buffers come on top." }));
  }

  // the table

  const COLUMNS = [["", "number", (row) => row.index], ["Name", "", (row) => row.name], ["Class", "", (row) => row.class], ["What happens", "", (row) => row.happens], ["Output shape", "", (row) => row.shape], ["Parameters", "number", (row) => row.parameters], ["Multiply-adds", "number", (row) => row.multiply_adds], ["Receptive field", "number", (row) => row.field], ["Activations", "number", (row) => row.bytes], ["Training", "", (row) => row.training]];
  const table = nodes.map((node, index) => {
    const layer = layerOf(node), side = sideOf(node), state = stateOf(node), turned = STATES[node.state] === "toggled";
    return { index, name: layer.name, class: texts[layer.class].split(">").pop(), state, happens: turned ? (layer.trainable ? "unfrozen" : "frozen") : state, shape: side.shapes.map((each) => texts[each]).join(", "), parameters: layer.parameters, multiply_adds: "multiply_adds" in side ? side.multiply_adds : 0, field: side.field ? side.field[0] ?? Infinity : -1, fields: side.field, bytes: side.bytes, training: layer.parameters ? (layer.trainable ? "trainable" : "frozen") : "" };
  });
  let rows = table, sorted = [0, 1];
  const off = new Set(), ROW = 31;
  function heads() {
    $("head").replaceChildren(element("tr", {}, ...COLUMNS.map(([text, kind], at) => element("th", { class: kind, scope: "col", "aria-sort": sorted[0] === at ? (sorted[1] > 0 ? "ascending" : "descending") : "none" },
      element("button", { type: "button", "aria-label": text || "number", text: `${text || "#"}${sorted[0] === at ? (sorted[1] > 0 ? " ▴" : " ▾") : ""}`, onclick: () => { sorted = [at, sorted[0] === at ? -sorted[1] : kind && at ? -1 : 1]; list(); } })))));
  }
  function list() {
    const wanted = $("filter").value.trim().toLowerCase().split(/\s+/).filter(Boolean), [column, way] = sorted, get = COLUMNS[column][2];
    rows = table.filter((row) => !off.has(row.state) && wanted.every((word) => `${row.name} ${row.class} ${row.shape} ${row.happens} ${row.training}`.toLowerCase().includes(word)));
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
      const field = row.fields ? row.fields.map((each) => each ?? "whole").join(" × ") : "";
      const line = element("tr", { class: row.state, "data-node": row.index }, element("td", { class: "number", text: row.index }), element("td", {}, element("button", { class: "link", type: "button", text: row.name })), element("td", { text: row.class }), element("td", { class: `state ${row.state}`, text: `${MARKS[row.state] || ""} ${row.happens}`.trim() }), element("td", { text: row.shape }), ...[row.parameters ? number(row.parameters) : "", row.multiply_adds === 0 ? "" : number(row.multiply_adds), field, scaled(row.bytes, "B")].map((text) => element("td", { class: "number", text })), element("td", { text: row.training }));
      line.addEventListener("click", () => { select(row.index, { center: true, unfolded: true, row: false }); markRow(); $("picture").scrollIntoView({ block: "nearest" }); });
      return line;
    }), ...(to < rows.length ? [space(rows.length - to)] : []));
    markRow();
  }
  function markRow() {
    $("body").querySelector(".selected")?.classList.remove("selected");
    if (selected != null) $("body").querySelector(`[data-node="${selected}"]`)?.classList.add("selected");
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

  // the keyboard

  function walk(key) {
    const box = chosen() || boxes[0], near = (which) => drawn.edges.filter((edge) => edge[which] === box.index).map((edge) => boxes[edge[1 - which]]);
    let next = null;
    if (key === "ArrowDown" || key === "ArrowUp") next = near(key === "ArrowDown" ? 0 : 1).sort((a, b) => Math.abs(a.x - box.x) - Math.abs(b.x - box.x))[0];
    else {
      const level = drawn.levels[drawn.rank[box.index]].filter((index) => index < boxes.length);
      next = boxes[level[level.indexOf(box.index) + (key === "ArrowRight" ? 1 : -1)]];
    }
    if (selected == null) next = box;
    if (next) select(next.members[0], { focus: true });
  }
  document.addEventListener("keydown", (event) => {
    const typing = /INPUT|TEXTAREA/.test(event.target.tagName);
    if (event.key === "Escape") { hits = new Set(); $("find").value = ""; $("found").textContent = ""; if (typing) event.target.blur(); light(); return; }
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const inside = event.target.closest?.("#panes, .box"), box = inside && chosen();
    if (event.key === "/") { event.preventDefault(); $("find").focus(); $("find").select(); }
    else if (event.key === "f") foldAll();
    else if (event.key === "0") fit();
    else if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else if (inside && event.key.startsWith("Arrow")) { event.preventDefault(); walk(event.key); }
    else if (box && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); if (box.fold >= 0) { unfold(box.fold); document.querySelector(".box.selected")?.focus({ preventScroll: true }); } else press(box); }
  });

  // the page

  const dark = matchMedia("(prefers-color-scheme: dark)");
  let asked = null;
  const theme = () => { document.documentElement.dataset.theme = asked || (dark.matches ? "dark" : "light"); };
  dark.addEventListener("change", theme);
  $("theme").addEventListener("click", () => { asked = document.documentElement.dataset.theme === "dark" ? "light" : "dark"; theme(); });
  theme();
  $("views").replaceChildren(...VIEWS.map(([value, text]) => element("button", { type: "button", role: "radio", value, text, onclick: () => show(value) })));
  $("views").addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const next = (VIEWS.findIndex(([value]) => value === view) + by + VIEWS.length) % VIEWS.length;
    show(VIEWS[next][0]);
    $("views").children[next].focus();
  });
  $("states").replaceChildren(...["new", "changed", "dropped", "kept"].filter((state) => table.some((row) => row.state === state)).map((state) => element("button", { class: `chip ${state}`, type: "button", "aria-pressed": "true", text: state, onclick: (event) => { if (!off.delete(state)) off.add(state); event.target.setAttribute("aria-pressed", !off.has(state)); list(); } })));
  $("find").addEventListener("input", () => search(0));
  $("find").addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); search(event.shiftKey ? -1 : 1); } });
  $("filter").addEventListener("input", list);
  $("rows").addEventListener("scroll", () => { if (rows.length > LARGE) requestAnimationFrame(() => fill()); });
  $("folding").addEventListener("click", foldAll);
  $("fit").addEventListener("click", fit);
  $("in").addEventListener("click", () => zoom(1.25));
  $("out").addEventListener("click", () => zoom(0.8));
  let last = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== last) { last = innerWidth; const here = chosen(); if (here) center(here); else begin(); } });
  addEventListener("beforeprint", () => {
    document.documentElement.dataset.theme = "light";
    for (const pane of all()) { pane.world.setAttribute("transform", ""); pane.canvas.setAttribute("viewBox", `-12 -12 ${drawn.width + 24} ${drawn.height + 24}`); }
    if (boxes.length <= 2000) paint(true);
    if (rows.length <= 2000) fill(true);
  });
  addEventListener("afterprint", () => { theme(); for (const pane of all()) pane.canvas.removeAttribute("viewBox"); move(camera.x, camera.y, camera.k); paint(); fill(); });

  cards();
  spec();
  $("detail").replaceChildren(element("p", { class: "hint" }, "Press a layer in the picture, a line of the spec, or a row of the table."), element("p", { class: "hint" }, element("kbd", { text: "/" }), " finds, ", element("kbd", { text: "f" }), " folds, ", element("kbd", { text: "0" }), " fits, arrow keys walk along the connections."));
  show("diff");
  const asking = /^#layer=(.*)$/.exec(location.hash);
  const start = asking ? nodes.findIndex((node) => node.key === decodeURIComponent(asking[1])) : Math.max(...[["new"], ["changed"], ["dropped"]].map((states) => nodes.findIndex((node) => states.includes(stateOf(node)))).filter((index) => index >= 0).slice(0, 1), -1);
  if (asking && start >= 0) go(start);
  else if (start >= 0 && innerWidth > 860) { const at = camera; select(start, {}); if (fitting() >= 0.55) move(at.x, at.y, at.k); history.replaceState(null, "", location.pathname + location.search); }
  profile();
  memory();
  list();
  $("footer").textContent = `Made by spec_compiler.${D.ledger ? ` Weights: ${D.ledger.summary}.` : ""} Multiply-adds count convolutions, products of matrices and attention, as the published figures do.`;
  document.documentElement.dataset.ready = "true";
})();
