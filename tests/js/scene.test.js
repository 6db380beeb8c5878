import assert from "node:assert/strict";
import { test } from "node:test";

import { columnsFor, makeScene, markAfter, markBefore, rowsFor, turnAt } from "../../static/src/js/replay/scene.js";

const CAST = { columns: 100, rows: 30, events: [[1, "o", "a"], [2, "r", "90x20"], [60, "o", "b"], [61, "m", "end"]] };

test("failures become markers among the output, and the recording lasts as long as the run", () => {
  const { events, marks, length } = makeScene(CAST, [2.5, 61], { isShort: false });
  assert.deepEqual(events, [[1, "o", "a"], [2, "r", "90x20"], [2.5, "m", ""], [60, "o", "b"], [61, "o", ""], [61, "m", ""]]);
  assert.deepEqual([marks, length], [[2.5, 61], 61]);
});

test("where pauses are cut, failures move with what is around them", () => {
  const { marks, length } = makeScene(CAST, [30, 60.5], { isShort: true });
  assert.deepEqual([marks, length], [[3.5, 5.5], 6]);
});

test("at a failure's moment its output is there already", () => {
  const { events } = makeScene(CAST, [60], { isShort: false });
  assert.deepEqual(events.slice(2, 4), [[60, "o", "b"], [60, "m", ""]]);
});

test("a failure after the last output makes the recording longer", () => {
  assert.equal(makeScene(CAST, [70], { isShort: false }).length, 70);
});

test("nothing printed and nothing failed is an empty scene", () => {
  assert.deepEqual(makeScene({ columns: 80, rows: 24, events: [] }, [], { isShort: true }).events, []);
});

test("one goes to the failure before and the next one", () => {
  assert.equal(markAfter([3, 8], 3), 8);
  assert.equal(markAfter([3, 8], 8), undefined);
  assert.equal(markBefore([3, 8], 8), 3);
  assert.equal(markBefore([3, 8], 3), undefined);
});

test("whose turn it is holds until the next one, whatever fails in between", () => {
  const marks = [2, 3, 8]; // the second is a failure
  assert.deepEqual([1, 2, 7.9, 8].map((at) => turnAt([0, 2], marks, at)), [-1, 0, 0, 2]);
});

test("as many columns as fit, within reason", () => {
  assert.equal(columnsFor(800, 8), 100);
  assert.equal(columnsFor(200, 8), 40);
  assert.equal(columnsFor(4000, 8), 160);
});

test("a short output needs no high screen, and a long line is broken", () => {
  assert.equal(rowsFor([[0, "o", "one\r\n"]], 80, 24), 6);
  assert.equal(rowsFor([[0, "o", `${"x".repeat(85)}\r\n`.repeat(4)]], 80, 24), 9);
  assert.equal(rowsFor([[0, "o", "line\r\n".repeat(100)]], 80, 24), 24);
});

test("what moves about on the screen has all of it; colours do not move", () => {
  assert.equal(rowsFor([[0, "o", "\x1b[2J\x1b[H1"]], 80, 24), 24);
  assert.equal(rowsFor([[0, "o", "\x1b[1;31mred\x1b[0m"]], 80, 24), 6);
});
