// What is selected, everywhere at once.

const chosen = () => (selected == null || drawn.boxOf[selected] < 0 ? null : boxes[drawn.boxOf[selected]]);

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
  if (!visible(box)) center(box);
}
function go(index) { select(index, { center: true, unfolded: true }); }
const jump = (index, text) => element("button", { class: "link", type: "button", text: text || nameOf(nodes[index]), onclick: () => go(index) });

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
