import assert from "node:assert/strict";
import { test } from "node:test";

import { Lines } from "../../static/src/js/lib/lines.js";

test("a line counts when its newline has come", () => {
  const lines = new Lines();
  assert.deepEqual(lines.push("one\ntw"), ["one"]);
  assert.equal(lines.open, "tw");
  assert.deepEqual(lines.push("o\n\n"), ["two", ""]);
  assert.equal(lines.open, "");
});

test("a megabyte without a newline becomes short pieces, and none of it is lost", () => {
  const lines = new Lines();
  const pieces = Array.from({ length: 64 }, () => lines.push("x".repeat(16384))).flat();
  assert.ok(pieces.every((piece) => piece.length === lines.longest));
  assert.equal(pieces.length * lines.longest + lines.open.length, 64 * 16384);
});
