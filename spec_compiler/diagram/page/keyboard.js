// The keyboard.

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
