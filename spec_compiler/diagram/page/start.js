// The page begins: controls, what is printed, and the first picture.

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
$("states").replaceChildren(...HAPPENS.map((state) => element("button", { class: `chip ${state}`, type: "button", "aria-pressed": "true", text: state, onclick: (event) => { if (!off.delete(state)) off.add(state); event.target.setAttribute("aria-pressed", !off.has(state)); list(); } })));
$("find").addEventListener("input", () => search(0));
$("find").addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); search(event.shiftKey ? -1 : 1); } });
$("filter").addEventListener("input", list);
$("rows").addEventListener("scroll", () => { if (rows.length > LARGE) requestAnimationFrame(() => fill()); });
$("folding").addEventListener("click", foldAll);
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); $("picture").scrollIntoView({ block: "nearest" }); (document.querySelector('.box[tabindex="0"]') || $("find")).focus({ preventScroll: true }); });
$("fit").addEventListener("click", fit);
$("in").addEventListener("click", () => zoom(1.25));
$("out").addEventListener("click", () => zoom(0.8));
let last = innerWidth;
addEventListener("resize", () => { if (innerWidth !== last) { last = innerWidth; const here = chosen(); if (here) center(here); else begin(); } });
addEventListener("beforeprint", () => {
  document.documentElement.dataset.theme = "light";
  for (const pane of all()) { pane.classList.remove("far"); pane.world.setAttribute("transform", ""); pane.canvas.setAttribute("viewBox", `-12 -12 ${drawn.width + 24} ${drawn.height + 24}`); }
  if (boxes.length <= 2000) paint(true);
  if (rows.length <= 2000) fill(true);
});
addEventListener("afterprint", () => { theme(); for (const pane of all()) pane.canvas.removeAttribute("viewBox"); move(camera.x, camera.y, camera.k); paint(); fill(); });

cards();
spec();
$("detail").replaceChildren(element("p", { class: "hint" }, "Press a layer in the picture, a line of the spec, a row of the table, or a count at the top: it leads from one to the next."), element("p", { class: "hint" }, element("kbd", { text: "/" }), " finds, ", element("kbd", { text: "f" }), " folds, ", element("kbd", { text: "0" }), " fits, arrow keys walk along the connections."));
show("diff");
const asking = /^#layer=(.*)$/.exec(location.hash);
const start = asking ? nodes.findIndex((node) => node.key === decodeURIComponent(asking[1])) : Math.max(...[["new"], ["changed"], ["dropped"]].map((states) => nodes.findIndex((node) => states.includes(stateOf(node)))).filter((index) => index >= 0).slice(0, 1), -1);
if (asking && start >= 0) go(start);
else if (start >= 0 && innerWidth > 860 && visible(boxes[drawn.boxOf[start]])) { const at = camera; select(start, {}); move(at.x, at.y, at.k); history.replaceState(null, "", location.pathname + location.search); }
profile();
memory();
list();
$("footer").textContent = `Made by spec_compiler.${D.ledger ? ` Weights: ${D.ledger.summary}.` : ""} Multiply-adds count convolutions, products of matrices and attention, as the published figures do.`;
document.documentElement.dataset.ready = "true";
