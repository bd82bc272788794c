// Finding layers by name or class.

function search(step) {
  const wanted = $("find").value.trim().toLowerCase();
  if (!step) {
    const known = (node) => `${nameOf(node)} ${texts[layerOf(node).class]}`.toLowerCase();
    matches = wanted ? nodes.map((_, index) => index).filter((index) => known(nodes[index]).includes(wanted)) : [];
    matchAt = matches.length ? 0 : -1;
    hits = new Set(matches);
  } else if (matches.length) matchAt = (matchAt + step + matches.length) % matches.length;
  $("found").textContent = !wanted ? "" : matches.length ? `${matchAt + 1} of ${matches.length}` : "none";
  if (matchAt >= 0) select(matches[matchAt], { center: true, unfolded: true }); else light();
}
