import assert from "node:assert/strict";
import { test } from "node:test";

import { layoutTopology, wayBetween } from "../../static/src/js/lab/topology-layout.js";

const STATE = {
  nodes: [{ name: "control" }, { name: "one" }, { name: "two" }],
  pods: [
    { name: "ana", node: "one" },
    { name: "beto", node: "one" },
    { name: "carla", node: "two" },
    { name: "dora", node: null },
  ],
};

const boxes = ({ nodes }) => nodes.flatMap((node) => node.pods.map((pod) => [node, pod]));

for (const width of [320, 560, 900, 1400]) {
  test(`at ${width} px everything stays inside, and pods inside their nodes`, () => {
    const layout = layoutTopology(STATE, width);
    for (const node of layout.nodes) assert.ok(node.x >= 0 && node.x + node.width <= width + 0.01);
    for (const [node, pod] of boxes(layout)) {
      assert.ok(pod.x >= node.x && pod.x + pod.width <= node.x + node.width);
      assert.ok(pod.y >= node.y && pod.y + pod.height <= node.y + node.height);
    }
  });
}

test("narrow screens put the nodes below each other", () => {
  const layout = layoutTopology(STATE, 320);
  assert.ok(layout.nodes[1].y >= layout.nodes[0].y + layout.nodes[0].height);
});

test("a pod without a node is waiting", () => {
  assert.deepEqual(layoutTopology(STATE, 900).waiting.map((pod) => pod.name), ["dora"]);
});

test("the way between nodes crosses the bus, the way inside one does not", () => {
  const layout = layoutTopology(STATE, 900);
  const across = wayBetween(layout, "ana", "carla");
  assert.ok(across.some(([, y]) => y === layout.bus.y));
  assert.ok(wayBetween(layout, "ana", "beto").every(([, y]) => y < layout.bus.y));
});

test("there is no way to a pod that is not drawn, nor to itself", () => {
  const layout = layoutTopology(STATE, 900);
  assert.equal(wayBetween(layout, "ana", "dora"), null);
  assert.equal(wayBetween(layout, "ana", "ana"), null);
});
