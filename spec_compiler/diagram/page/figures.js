// Before and after in figures: cards, costs layer by layer, memory.

function cards() {
  const { before: a, after: b } = D.summary, origin = `from ${D.base}`, counts = {}, seen = new Set();
  table.forEach((row) => { if (!seen.has(`${row.state} ${row.name}`)) { seen.add(`${row.state} ${row.name}`); counts[row.happens] = (counts[row.happens] || 0) + 1; } });
  $("origin").textContent = `${origin} · ${number(a.layers)} → ${number(b.layers)} layers`;
  $("counts").replaceChildren(...HAPPENS.map((state) => element("button", { class: `chip ${state}`, type: "button", title: "Go to them, one after another", onclick: () => tour(state) }, MARKS[state] ? element("b", { text: MARKS[state] }) : "", `${number(counts[state])} ${state}`)));
  const field = (side) => (side.field ? side.field.sizes.join(" × ") : "—"), shapes = (side, key) => side[key].slice(0, 2).join(", ") + (side[key].length > 2 ? ` and ${side[key].length - 2} more` : "");
  const cost = (side) => (side.multiply_adds == null ? "input size is open" : scaled(side.multiply_adds));
  const card = (what, was, now, extra = "", change = "") => element("div", { class: "card" }, element("div", { class: "what", text: what }), element("div", { class: now.length > 16 ? "now long" : "now", text: now }), element("div", { class: "was", text: (was === now ? "as before" : `was ${was}${change}`) + extra }));
  $("cards").replaceChildren(
    card("Parameters", number(a.parameters), number(b.parameters), "", share(a.parameters, b.parameters)),
    card("Trainable", number(a.parameters - a.frozen), number(b.parameters - b.frozen), b.frozen ? `, ${number(b.frozen)} frozen` : ""),
    card("Multiply-adds per example", cost(a), cost(b), "", share(a.multiply_adds, b.multiply_adds)),
    card(b.field ? `Receptive field at ${b.field.layer}` : "Receptive field", field(a), field(b), b.field && b.field.whole ? "; later the whole input" : ""),
    card("Input", shapes(a, "inputs"), shapes(b, "inputs")),
    card("Output", shapes(a, "outputs"), shapes(b, "outputs")),
  );
  $("promises").replaceChildren(...(D.summary.promises || []).map(([text, holds]) => element("li", { text, class: holds ? "holds" : null })));
  const groups = D.summary.groups || [];
  $("channels").hidden = !groups.length;
  $("channels-title").textContent = `${groups.length} ${groups.length === 1 ? "group" : "groups"} of channels that move together`;
  $("groups").replaceChildren(...groups.map((text) => element("li", { text })));
  $("left").replaceChildren(...(D.summary.left || []).map((text) => element("li", { text })));
  $("contracts").replaceChildren(...(D.summary.contracts || []).map((text) => element("li", { text })));
}
function tour(state) {
  const found = table.filter((row) => row.happens === state).map((row) => row.index);
  hits = new Set(found);
  select(found[(found.indexOf(selected) + 1) % found.length], { center: true, unfolded: state !== "kept" });
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
  const rows = [1, 8, 16, 32, 64, 128].map((batch) => element("tr", {}, element("th", { scope: "row", text: batch }), ...[a.peak_bytes, b.peak_bytes, a.training_bytes, b.training_bytes].map((bytes) => element("td", { text: scaled(bytes == null ? null : bytes * batch, "B") }))));
  $("memory").replaceChildren(element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)), element("p", { class: "note", text: "Memory of activations alone: predicting, the most alive at once; training, with all that the backward pass may need, which is nothing before the first layer that trains. Weights and an engine's own buffers come on top." }));
}
