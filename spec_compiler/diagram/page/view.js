// Which view is shown, and what of it is folded.

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

function unfold(fold) { open.add(fold); selected = D.folds[fold].find((index) => shows(nodes[index], view)); redraw(true); center(chosen()); select(selected, {}); }
