import assert from "node:assert/strict";
import { test } from "node:test";

import { parseCast, shortenPauses } from "../../static/src/js/lib/cast.js";

test("a recording is its size and its events", () => {
  const text = '{"version": 2, "width": 80, "height": 24}\n[0.5, "o", "hi"]\n[0.7, "m", "end"]\n';
  assert.deepEqual(parseCast(text), { columns: 80, rows: 24, events: [[0.5, "o", "hi"], [0.7, "m", "end"]] });
});

test("what is no recording is refused", () => {
  assert.throws(() => parseCast("<html>"), SyntaxError);
  assert.throws(() => parseCast('{"version": 1}'), SyntaxError);
  assert.throws(() => parseCast(""), SyntaxError);
});

test("long pauses are cut, short ones are kept", () => {
  assert.deepEqual(shortenPauses([[1, "o", "a"], [2, "r", "b"], [60, "o", "c"]]), [[1, "o", "a"], [2, "r", "b"], [3.5, "o", "c"]]);
});
