// The details of a layer or of a fold: facts, weights, arguments.

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
    ["Receptive field", pair((side) => side.field, (field) => fieldText(field, "—"))],
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
