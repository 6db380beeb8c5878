import assert from "node:assert/strict";
import { test } from "node:test";

import { layoutRules } from "../../static/src/js/lab/rules-layout.js";
import { countsOf, hasRisen, share } from "../../static/src/js/lab/rules.js";

const SERVICE = {
  spots: [
    { id: "ip", part: "door" },
    { id: "port", part: "door" },
    { id: "ext", part: "outside" },
    { id: "svc", part: "choice" },
    { id: "one", part: "endpoint" },
    { id: "two", part: "endpoint" },
    { id: "three", part: "endpoint" },
  ],
  lines: [
    { from: "ip", to: "svc" },
    { from: "port", to: "ext" },
    { from: "ext", to: "svc" },
    { from: "svc", to: "one" },
    { from: "svc", to: "two" },
    { from: "svc", to: "three" },
  ],
};

const overlap = (one, other) => one.x < other.x + other.width && other.x < one.x + one.width && one.y < other.y + other.height && other.y < one.y + one.height;

for (const width of [300, 560, 800, 1400]) {
  test(`at ${width} px every box is inside, and none lies over another`, () => {
    const { boxes, height } = layoutRules(SERVICE, width);
    assert.equal(boxes.length, SERVICE.spots.length);
    for (const box of boxes) {
      assert.ok(box.x >= 0 && box.x + box.width <= width);
      assert.ok(box.y >= 0 && box.y + box.height <= height);
    }
    boxes.forEach((box, at) => boxes.slice(at + 1).forEach((other) => assert.ok(!overlap(box, other))));
  });
}

test("a wide drawing goes from left to right, a narrow one down", () => {
  const wide = new Map(layoutRules(SERVICE, 900).boxes.map((box) => [box.id, box]));
  assert.ok(wide.get("ip").x < wide.get("ext").x && wide.get("ext").x < wide.get("svc").x && wide.get("svc").x < wide.get("one").x);
  const narrow = new Map(layoutRules(SERVICE, 300).boxes.map((box) => [box.id, box]));
  assert.ok(narrow.get("ip").y < narrow.get("svc").y && narrow.get("svc").y < narrow.get("one").y);
});

test("a column that no spot is in takes no room", () => {
  const spots = SERVICE.spots.filter(({ part }) => part !== "outside");
  const { boxes } = layoutRules({ spots, lines: SERVICE.lines }, 620);
  assert.equal(new Set(boxes.map((box) => box.x)).size, 3);
});

test("every line joins its two boxes", () => {
  for (const width of [300, 900]) {
    const { boxes, lines } = layoutRules(SERVICE, width);
    assert.equal(lines.length, SERVICE.lines.length);
    for (const { to, points } of lines) {
      const box = boxes.find(({ id }) => id === to);
      assert.deepEqual(points.at(-1), [box.x, box.y + box.height / 2]);
    }
  }
});

const LOCAL = {
  spots: [
    { id: "ip", part: "door" },
    { id: "port", part: "door" },
    { id: "ext", part: "outside" },
    { id: "svc", part: "choice" },
    { id: "svl", part: "choice" },
    { id: "one", part: "endpoint" },
    { id: "drop", part: "refusal" },
  ],
  lines: [
    { from: "ip", to: "svc" },
    { from: "port", to: "ext" },
    { from: "port", to: "drop" },
    { from: "ext", to: "svc" },
    { from: "ext", to: "svl" },
    { from: "svc", to: "one" },
  ],
};

for (const picture of [SERVICE, LOCAL]) {
  test(`no line of ${picture.lines.length} runs through a box, and none leaves the drawing`, () => {
    const { boxes, lines, height } = layoutRules(picture, 940);
    for (const { points } of lines) {
      points.slice(1).forEach(([x, y], at) => {
        const [left, right] = [Math.min(x, points[at][0]), Math.max(x, points[at][0])];
        const [top, bottom] = [Math.min(y, points[at][1]), Math.max(y, points[at][1])];
        assert.ok(top >= 0 && bottom <= height);
        const isThrough = (box) => left < box.x + box.width && right > box.x && top < box.y + box.height && bottom > box.y;
        assert.deepEqual(boxes.filter(isThrough).map(({ id }) => id), []);
      });
    }
  });
}

test("a probability is written as a fraction where it is one", () => {
  assert.equal(share(1), "1");
  assert.equal(share(0.5), "1/2");
  assert.equal(share(0.33333333349), "1/3");
  assert.equal(share(0.4), "0.400");
});

test("counts are known by their Service, spot and line", () => {
  const services = [{ name: "web", spots: [{ id: "svc", counted: 3 }], lines: [{ from: "svc", to: "one", counted: null }] }];
  assert.deepEqual([...countsOf({ services })], [["web svc", 3], ["web svc one", null]]);
});

test("what was not counted before, or fell, has not risen", () => {
  const before = new Map([["a", 3], ["b", null]]);
  assert.ok(hasRisen(before, new Map([["a", 4]])));
  assert.ok(!hasRisen(before, new Map([["a", 1], ["c", 9]])));
});
