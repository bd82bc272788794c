// The spec's text, its lines linked to the layers that they made.

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
      row.setAttribute("tabindex", -1);
      row.setAttribute("aria-label", `line ${line + 1}: ${text.trim()}: ${many}`);
      row.title = many;
      const act = () => { hits = new Set(found); litLines([mine[0]]); select(found[0], { center: true, line: false, unfolded: found.length === 1 }); };
      row.addEventListener("click", act);
      row.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); act(); } });
    }
    return row;
  }));
  foldComments();
  const linked = [...$("lines").querySelectorAll(".linked")];
  linked[0]?.setAttribute("tabindex", 0);
  $("lines").addEventListener("focusin", ({ target }) => { if (target.matches(".linked")) linked.forEach((row) => row.setAttribute("tabindex", row === target ? 0 : -1)); });
  $("lines").addEventListener("keydown", (event) => {
    const at = linked.indexOf(document.activeElement), by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (at < 0 || !by) return;
    event.preventDefault();
    linked[clamp(at + by, 0, linked.length - 1)].focus();
  });
}
// Lines of comment one below the other become their first line, and a button that shows the rest.
function foldComments() {
  const rows = [...$("lines").children], comment = rows.map((_, line) => /^\s*#/.test(D.spec.lines[line]));
  for (let from = 0, to; from < rows.length; from = to) {
    for (to = from; to < rows.length && comment[to]; to++);
    if (to - from < 2) { to += to === from; continue; }
    const group = rows.slice(from, to), lead = group.find((_, at) => !/yaml-language-server/.test(D.spec.lines[from + at])) || group[0];
    const rest = group.filter((row) => row !== lead);
    const flip = (shown) => { rest.forEach((row) => { row.hidden = !shown; }); lead.classList.toggle("short", !shown); more.textContent = shown ? "less" : "more"; more.setAttribute("aria-expanded", shown); };
    const more = element("button", { class: "link more", type: "button", "aria-label": "The whole comment", onclick: (event) => { event.stopPropagation(); flip(lead.classList.contains("short")); } });
    lead.append(more);
    flip(false);
  }
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
