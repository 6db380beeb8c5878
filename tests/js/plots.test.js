import assert from "node:assert/strict";
import { test } from "node:test";

import { columnsOf, stepsAround } from "../../static/src/js/plots/table.js";

test("a line that has no value at an x has a gap there", () => {
  const rows = [["0.1", "10", ""], ["0.2", "", "0"]];
  assert.deepEqual(columnsOf(rows, 2), [[0.1, 0.2], [10, null], [null, 0]]);
});

test("a logarithmic axis ends at whole steps around its values", () => {
  assert.deepEqual(stepsAround([0.3, 80.4, null]), [0.2, 100]);
  assert.deepEqual(stepsAround([1, 10]), [1, 10]);
  assert.deepEqual(stepsAround([]), [1, 10]);
});
