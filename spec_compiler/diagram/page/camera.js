// The camera: one for all panes.

const size = () => { const pane = all()[0]; return { width: pane.clientWidth, height: pane.clientHeight }; };
function seen(pane) {
  const wide = pane.clientWidth / camera.k, high = pane.clientHeight / camera.k, left = -camera.x / camera.k, top = -camera.y / camera.k;
  return { left: left - wide, right: left + 2 * wide, top: top - high, bottom: top + 2 * high };
}
function move(x, y, k) {
  const { width, height } = size(), w = drawn.width * k, h = drawn.height * k, slack = 60;
  camera = { k, x: clamp(x, Math.min(slack, width - w - slack), Math.max(slack, width - w - slack)), y: clamp(y, Math.min(slack, height - h - slack), Math.max(slack, height - h - slack)) };
  for (const pane of all()) pane.classList.toggle("far", k < FAR);
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
// A picture that is too long to be read as a whole begins at its top.
function begin() {
  const { width } = size();
  if (fitting() >= 0.55) return fit();
  const k = clamp((width - 40) / drawn.width, 0.6, 1), first = boxes.find((box) => drawn.rank[box.index] === 0);
  move(first && drawn.width * k > width ? width / 2 - first.x * k : (width - drawn.width * k) / 2, 16, k);
}
function visible(box) {
  const { width, height } = size(), x = box.x * camera.k + camera.x, y = box.y * camera.k + camera.y;
  return x >= 20 && y >= 20 && x <= width - 20 && y <= height - 20;
}
