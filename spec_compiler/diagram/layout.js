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

// places on each level: as near to the neighbours as the order allows, straight lanes above all
function place(levels, vertices) {
  for (const level of levels) {
    let x = 0;
    for (const index of level) { vertices[index].x = x + vertices[index].w / 2; x += vertices[index].w + GAP_X; }
    for (const index of level) vertices[index].x -= (x - GAP_X) / 2;
  }
  for (let sweep = 0; sweep < 8; sweep++) {
    const down = sweep % 2 === 0;
    for (const level of down ? levels : [...levels].reverse()) {
      const wishes = level.map((index) => {
        const vertex = vertices[index];
        const near = sweep > 5 ? [...vertex.up, ...vertex.down] : down ? vertex.up : vertex.down;
        if (!near.length) return { wish: vertex.x, weight: 0.1 };
        let sum = 0, weights = 0;
        for (const each of near) {
          const weight = vertices[each].lane && vertex.lane ? 8 : vertices[each].lane || vertex.lane ? 1 : 3;
          sum += weight * vertices[each].x;
          weights += weight;
        }
        return { wish: sum / weights, weight: weights };
      });
      settle(level, wishes, vertices);
    }
  }
}

// the least squares places for wishes in a fixed order with room between: pools of vertices that touch move as one
function settle(level, wishes, vertices) {
  const pools = [];
  let offset = 0;
  level.forEach((index, at) => {
    if (at) offset += (vertices[level[at - 1]].w + vertices[index].w) / 2 + GAP_X;
    let pool = { sum: wishes[at].weight * (wishes[at].wish - offset), weight: wishes[at].weight, from: at, offset };
    while (pools.length && pools[pools.length - 1].sum / pools[pools.length - 1].weight >= pool.sum / pool.weight) {
      const before = pools.pop();
      pool = { sum: before.sum + pool.sum, weight: before.weight + pool.weight, from: before.from };
    }
    pools.push(pool);
    vertices[index].offset = offset;
  });
  pools.forEach((pool, at) => {
    const end = at + 1 < pools.length ? pools[at + 1].from : level.length;
    for (let index = pool.from; index < end; index++) vertices[level[index]].x = pool.sum / pool.weight + vertices[level[index]].offset;
  });
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
