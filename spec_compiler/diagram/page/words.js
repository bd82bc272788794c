// Figures and states in words.

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
const fieldText = (sizes, none = "") => (!sizes ? none : sizes.every((each) => each == null) ? "the whole input" : sizes.map((each) => each ?? "whole").join(" × "));
const freezing = (node, column) => {
  const before = layerOf(node, "before"), after = layerOf(node, "after");
  const word = (layer) => (layer && layer.parameters ? (layer.trainable ? "trainable" : "frozen") : "");
  const was = node.before ? word(before) : "", now = node.after ? word(after) : "";
  if (column === "before" || !now) return was;
  return was && was !== now ? `${was} → ${now}` : now;
};
