import assert from "node:assert/strict";
import { test } from "node:test";

import { Output } from "../../static/src/js/lab/output.js";

const base64 = (text) => Buffer.from(text).toString("base64");
const message = (...entries) =>
  JSON.stringify(entries.map(([src, data], at) => ({ id: `1000-${at}`, ms: 10 * at, src, data: base64(data) })));

function listen() {
  const heard = { lines: [], open: "", events: [], ends: [], began: [] };
  const output = new Output({
    onLines: (lines, open) => Object.assign(heard, { lines: [...heard.lines, ...lines], open }),
    onEvent: (event) => heard.events.push(event),
    onEnd: (end) => heard.ends.push(end),
    onClock: (began) => heard.began.push(began),
  });
  return { heard, output };
}

test("what is printed comes out as lines that say where they came from", () => {
  const { heard, output } = listen();
  const last = output.take(message(["stdout", "one\ntw"], ["stderr", "oops\n"], ["stdout", "o\n"]));
  assert.deepEqual(heard.lines, [
    { text: "one", kind: "out" },
    { text: "oops", kind: "err" },
    { text: "two", kind: "out" },
  ]);
  assert.equal(last, "1000-2");
});

test("an unfinished line is shown, and kept when the run ends", () => {
  const { heard, output } = listen();
  output.take(message(["stdout", "no newline"]));
  assert.equal(heard.open, "no newline");
  output.take(message(["end", '{"state": "succeeded", "exit_code": 0, "reason": ""}']));
  assert.deepEqual(heard.lines, [{ text: "no newline", kind: "out" }]);
  assert.equal(heard.ends[0].exit_code, 0);
});

test("events are told as they are", () => {
  const { heard, output } = listen();
  output.take(message(["event", '{"event": "truncated", "bytes": 12}']));
  assert.deepEqual(heard.events, [{ event: "truncated", bytes: 12 }]);
});

test("the start is reckoned from the server's clock in the ids", () => {
  const { heard, output } = listen();
  output.take(message(["stdout", "a"], ["stdout", "b"]));
  assert.deepEqual(heard.began, [1000, 990]);
});
