import assert from "node:assert/strict";
import { test } from "node:test";

import { inSlices, noteOf } from "../../static/src/js/watch/keys.js";

test("a paste is cut into frames the server takes, and no byte is lost", () => {
  const slices = inSlices(new Uint8Array([1, 2, 3, 4, 5]), 2);
  assert.deepEqual(slices.map((slice) => [...slice]), [[1, 2], [3, 4], [5]]);
  assert.deepEqual(inSlices(new Uint8Array([7])).map((slice) => [...slice]), [[7]]);
});

test("what is said of the keyboard depends on who has it", () => {
  assert.equal(noteOf({ mayType: false, typist: "" }), "watching");
  assert.equal(noteOf({ mayType: true, typist: "" }), "mayType");
  assert.equal(noteOf({ mayType: true, typist: "Paula" }), "typing");
  assert.equal(noteOf({ mayType: false, typist: "Otto" }), "otherTypes");
});
