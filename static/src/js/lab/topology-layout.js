// Where everything of the live drawing stands, in real pixels for the width there is: nodes side by
// side, or one below the other when it is narrow; pods inside; a bus that joins the nodes.
const GAP = 16;
const PAD = 12;
const HEAD = 42;
const POD = { width: 106, height: 40, gap: 8 };
// A node without a pod of this lab stands aside.
const EMPTY_SHARE = 0.6;
const NARROW = 540;
const SMALLEST_NODE = 165;

export function layoutTopology({ nodes, pods }, width) {
  const isNarrow = width < Math.max(NARROW, nodes.length * (SMALLEST_NODE + GAP));
  const places = nodes.map((node) => ({ ...node, pods: pods.filter((pod) => pod.node === node.name) }));
  const drawn = isNarrow ? stack(places, width) : row(places, width);
  return { ...drawn, width, waiting: pods.filter((pod) => !nodes.some((node) => node.name === pod.node)) };
}

function row(places, width) {
  const shares = places.map((place) => (place.pods.length ? 1 : EMPTY_SHARE));
  const unit = (width - GAP * (places.length - 1)) / shares.reduce((sum, share) => sum + share, 0);
  const height = Math.max(...places.map((place, at) => heightOf(place, unit * shares[at])), HEAD + PAD);
  let x = 0;
  const nodes = places.map((place, at) => {
    const node = placeNode(place, { x, y: 0, width: unit * shares[at], height });
    x += node.width + GAP;
    return node;
  });
  const busY = height + 18;
  return { isNarrow: false, nodes, bus: { y: busY }, height: busY + 6 };
}

function stack(places, width) {
  const left = 22;
  let y = 0;
  const nodes = places.map((place) => {
    const height = heightOf(place, width - left);
    const node = placeNode(place, { x: left, y, width: width - left, height });
    y += height + GAP;
    return node;
  });
  return { isNarrow: true, nodes, bus: { x: 8 }, height: y };
}

function heightOf(place, width) {
  const rows = Math.ceil(place.pods.length / podsPerRow(width));
  return HEAD + rows * (POD.height + POD.gap) + (rows ? 6 : 4);
}

function podsPerRow(width) {
  return Math.max(1, Math.floor((width - 2 * PAD + POD.gap) / (POD.width + POD.gap)));
}

function placeNode(place, box) {
  const perRow = podsPerRow(box.width);
  const podWidth = Math.min(POD.width, box.width - 2 * PAD);
  const pods = place.pods.map((pod, at) => ({
    ...pod,
    x: box.x + PAD + (at % perRow) * (podWidth + POD.gap),
    y: box.y + HEAD + Math.floor(at / perRow) * (POD.height + POD.gap),
    width: podWidth,
    height: POD.height,
  }));
  return { ...place, ...box, pods };
}

/** The way between two pods as points: over the node alone, or over the bus between the nodes. */
export function wayBetween(layout, fromName, toName) {
  const [from, to] = [fromName, toName].map((name) => findPod(layout, name));
  if (!from || !to || fromName === toName) return null;
  if (from.node.name === to.node.name) return wayInside(from.node, from.pod, to.pod);
  return layout.isNarrow ? wayAtTheSide(layout, from, to) : wayBelow(layout, from, to);
}

function findPod(layout, name) {
  for (const node of layout.nodes) {
    const pod = node.pods.find((each) => each.name === name);
    if (pod) return { node, pod };
  }
  return null;
}

const middle = (pod) => pod.x + pod.width / 2;
const bottom = (box) => box.y + box.height;

function wayInside(node, from, to) {
  const y = bottom(node) - 6;
  return [[middle(from), bottom(from)], [middle(from), y], [middle(to), y], [middle(to), bottom(to)]];
}

function wayBelow({ bus }, from, to) {
  return [[middle(from.pod), bottom(from.pod)], [middle(from.pod), bus.y], [middle(to.pod), bus.y], [middle(to.pod), bottom(to.pod)]];
}

function wayAtTheSide({ bus }, from, to) {
  const height = (pod) => pod.y + pod.height / 2;
  return [[from.pod.x, height(from.pod)], [bus.x, height(from.pod)], [bus.x, height(to.pod)], [to.pod.x, height(to.pod)]];
}
