// The pointer on a pane: press, drag, pinch, wheel.

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
    if (group) return press(boxes[group.dataset.box], event.detail > 1, camera.k < FAR);
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
function press(box, twice, far) {
  if (far) return select(box.members[0], { center: true, focus: true });
  if (box.fold >= 0 && (twice || (selected != null && drawn.boxOf[selected] === box.index))) return unfold(box.fold);
  select(box.members[0], { focus: true });
}
