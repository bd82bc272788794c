"use strict";
// A layered drawing of a directed acyclic graph, in time about linear in its size.
// layout(boxes, edges): boxes [{w, h}], edges [[from, to]] -> {x, y, width, height, paths}; x, y are centres.

const GAP_X = 26, GAP_Y = 30, LANE = 14, SWEEPS = 6;

function layout(boxes, edges) {
  const count = boxes.length;
  const outs = Array.from({ length: count }, () => []), ins = Array.from({ length: count }, () => []);
  edges.forEach(([from, to]) => { outs[from].push(to); ins[to].push(from); });
  const rank = ranks(count, ins, outs);

  // every edge over several ranks is cut into pieces of one rank, with a narrow vertex at each joint
  const vertices = boxes.map((box, index) => ({ w: box.w, h: box.h, rank: rank[index], up: [], down: [] }));
  const chains = edges.map(([from, to]) => {
    const chain = [from];
    for (let level = rank[from] + 1; level < rank[to]; level++) {
      chain.push(vertices.length);
      vertices.push({ w: LANE, h: 0, rank: level, up: [], down: [], lane: true });
    }
    chain.push(to);
    for (let at = 1; at < chain.length; at++) {
      vertices[chain[at - 1]].down.push(chain[at]);
      vertices[chain[at]].up.push(chain[at - 1]);
    }
    return chain;
  });
  const levels = [];
  vertices.forEach((vertex, index) => { (levels[vertex.rank] ||= []).push(index); });
  order(levels, vertices);
  place(levels, vertices);

  let y = 0;
  const tops = levels.map((level) => {
    const height = Math.max(...level.map((index) => vertices[index].h));
    const top = y;
    y += height + GAP_Y + Math.min(24, 3 * crossings(level, vertices));
    level.forEach((index) => { vertices[index].y = top + height / 2; });
    return { top, height };
  });
  let left = Infinity, right = -Infinity;
  vertices.forEach((vertex) => {
    left = Math.min(left, vertex.x - vertex.w / 2);
    right = Math.max(right, vertex.x + vertex.w / 2);
  });
  if (!count) { left = right = 0; }
  vertices.forEach((vertex) => { vertex.x -= left; });
  const paths = chains.map((chain) => route(chain, vertices, tops));
  return {
    x: vertices.slice(0, count).map((vertex) => vertex.x),
    y: vertices.slice(0, count).map((vertex) => vertex.y),
    rank, levels, paths, width: right - left, height: Math.max(0, y - GAP_Y),
  };
}

// longest path from the inputs; what has no input moves down to its first consumer
function ranks(count, ins, outs) {
  const rank = new Array(count).fill(0), waiting = ins.map((each) => each.length), queue = [];
  for (let index = 0; index < count; index++) if (!waiting[index]) queue.push(index);
  for (let at = 0; at < queue.length; at++) {
    for (const to of outs[queue[at]]) {
      rank[to] = Math.max(rank[to], rank[queue[at]] + 1);
      if (--waiting[to] === 0) queue.push(to);
    }
  }
  for (let index = 0; index < count; index++) {
    if (!ins[index].length && outs[index].length) rank[index] = Math.min(...outs[index].map((to) => rank[to])) - 1;
  }
  return rank;
}

// fewer crossings: each level in the order of the average place of its neighbours, down and up again
function order(levels, vertices) {
  const seat = (level) => level.forEach((index, at) => { vertices[index].seat = at; });
  levels.forEach(seat);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const down = sweep % 2 === 0;
    const turn = down ? levels : [...levels].reverse();
    for (const level of turn) {
      if (level.length < 2) continue;
      for (const index of level) {
        const near = down ? vertices[index].up : vertices[index].down;
        vertices[index].wish = near.length
          ? near.reduce((sum, each) => sum + vertices[each].seat / Math.max(1, levels[vertices[each].rank].length - 1 || 1), 0) / near.length
          : vertices[index].seat / (level.length - 1);
      }
      level.sort((a, b) => vertices[a].wish - vertices[b].wish || vertices[a].seat - vertices[b].seat);
      seat(level);
    }
  }
}

// places on each level, after Brandes and Koepf: vertices in straight blocks, from four corners, and their middle
function place(levels, vertices) {
  levels.forEach((level) => level.forEach((index, at) => { vertices[index].seat = at; }));
  const conflicts = crossed(levels, vertices), found = [];
  for (const down of [true, false]) {
    for (const right of [false, true]) {
      const flip = (level) => (right ? [...level].reverse() : level), turned = levels.map(flip);
      const root = blocks(down ? turned : [...turned].reverse(), vertices, down, right, conflicts);
      const x = compact(turned, vertices, root);
      found.push(right ? x.map((each) => -each) : x);
    }
  }
  const low = (x) => x.reduce((least, each, index) => Math.min(least, each - vertices[index].w / 2), Infinity);
  const high = (x) => x.reduce((most, each, index) => Math.max(most, each + vertices[index].w / 2), -Infinity);
  const narrow = found.reduce((best, x) => (high(x) - low(x) < high(best) - low(best) ? x : best), found[0]);
  found.forEach((x, number) => {
    const shift = number % 2 ? high(narrow) - high(x) : low(narrow) - low(x);
    if (shift) x.forEach((each, index) => { x[index] = each + shift; });
  });
  vertices.forEach((vertex, index) => {
    const places = found.map((x) => x[index]).sort((a, b) => a - b);
    vertex.x = (places[1] + places[2]) / 2;
  });
}

// edges that cross a lane: the lane stays straight
function crossed(levels, vertices) {
  const found = new Set();
  for (let at = 1; at < levels.length; at++) {
    const lower = levels[at], upper = levels[at - 1];
    let left = 0, start = 0;
    lower.forEach((index, seat) => {
      const above = vertices[index].lane ? vertices[index].up.find((each) => vertices[each].lane) : undefined;
      if (above === undefined && seat < lower.length - 1) return;
      const right = above === undefined ? upper.length : vertices[above].seat;
      for (; start <= seat; start++) {
        for (const each of vertices[lower[start]].up) {
          const place = vertices[each].seat, both = vertices[each].lane && vertices[lower[start]].lane;
          if ((place < left || place > right) && !both) found.add(each * vertices.length + lower[start]);
        }
      }
      left = right;
    });
  }
  return found;
}

// each vertex joins the block of the middle one of its neighbours, if no other did and no block is crossed
function blocks(levels, vertices, down, right, conflicts) {
  const root = vertices.map((_, index) => index), taken = new Uint8Array(vertices.length);
  const seat = (index) => (right ? -vertices[index].seat : vertices[index].seat);
  for (const level of levels) {
    let last = -Infinity;
    for (const index of level) {
      const near = [...(down ? vertices[index].up : vertices[index].down)].sort((a, b) => seat(a) - seat(b)), middle = (near.length - 1) / 2;
      if (!near.length) continue;
      for (const each of new Set([near[Math.floor(middle)], near[Math.ceil(middle)]])) {
        const key = down ? each * vertices.length + index : index * vertices.length + each;
        if (taken[each] || seat(each) <= last || conflicts.has(key)) continue;
        taken[each] = 1;
        root[index] = root[each];
        last = seat(each);
        break;
      }
    }
  }
  return root;
}

// blocks as far to the left as they go, then back to the right where there is room
function compact(levels, vertices, root) {
  const outs = new Map(), ins = new Map(), waiting = new Map();
  vertices.forEach((_, index) => { if (root[index] === index) { outs.set(index, []); ins.set(index, []); waiting.set(index, 0); } });
  for (const level of levels) {
    for (let at = 1; at < level.length; at++) {
      const a = root[level[at - 1]], b = root[level[at]], room = (vertices[level[at - 1]].w + vertices[level[at]].w) / 2 + GAP_X;
      outs.get(a).push([b, room]);
      ins.get(b).push([a, room]);
      waiting.set(b, waiting.get(b) + 1);
    }
  }
  const queue = [...waiting.keys()].filter((block) => !waiting.get(block)), x = new Map();
  for (let at = 0; at < queue.length; at++) {
    const block = queue[at];
    x.set(block, Math.max(0, ...ins.get(block).map(([each, room]) => x.get(each) + room)));
    for (const [each] of outs.get(block)) { waiting.set(each, waiting.get(each) - 1); if (!waiting.get(each)) queue.push(each); }
  }
  for (const block of queue.reverse()) {
    const most = Math.min(...outs.get(block).map(([each, room]) => x.get(each) - room));
    if (most < Infinity && ins.get(block).length) x.set(block, Math.max(x.get(block), most));
  }
  return vertices.map((_, index) => x.get(root[index]) ?? 0);
}

function crossings(level, vertices) {
  let found = 0;
  for (const index of level) for (const to of vertices[index].down) if (Math.abs(vertices[to].x - vertices[index].x) > 40) found++;
  return Math.min(found, 8);
}

// one smooth line through the lanes: straight beside a box, bent between two levels
function route(chain, vertices, tops) {
  const from = vertices[chain[0]], to = vertices[chain[chain.length - 1]];
  let path = `M${from.x.toFixed(1)} ${(from.y + from.h / 2).toFixed(1)}`;
  let y = tops[from.rank].top + tops[from.rank].height, x = from.x;
  path += `V${y.toFixed(1)}`;
  for (let at = 1; at < chain.length; at++) {
    const vertex = vertices[chain[at]], level = tops[vertex.rank];
    const end = at === chain.length - 1;
    const top = end && vertex.x === to.x ? to.y - to.h / 2 - 3 : level.top;
    const bend = end ? Math.min(level.top, top) : level.top;
    if (Math.abs(vertex.x - x) > 0.5) {
      const middle = (y + bend) / 2;
      path += `C${x.toFixed(1)} ${middle.toFixed(1)} ${vertex.x.toFixed(1)} ${middle.toFixed(1)} ${vertex.x.toFixed(1)} ${bend.toFixed(1)}`;
    }
    x = vertex.x;
    y = end ? top : level.top + level.height;
    path += `V${y.toFixed(1)}`;
  }
  return path;
}
