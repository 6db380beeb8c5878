import assert from "node:assert/strict";
import { test } from "node:test";

import { parseCast, shortenPauses, Timeline } from "../../static/src/js/replay/cast.js";

function screen() {
  const shown = { text: "", clears: 0 };
  return {
    shown,
    write: (text) => (shown.text += text),
    clear: () => Object.assign(shown, { text: "", clears: shown.clears + 1 }),
  };
}

const EVENTS = [[0, "a"], [1, "b"], [4, "c"]];

test("only output is played, other events are left out", () => {
  const text = '{"version": 2, "width": 80, "height": 24}\n[0.5, "o", "hi"]\n[0.7, "m", "end"]\n';
  assert.deepEqual(parseCast(text), { columns: 80, rows: 24, events: [[0.5, "hi"]] });
});

test("what is no recording is refused", () => {
  assert.throws(() => parseCast("<html>"), SyntaxError);
  assert.throws(() => parseCast('{"version": 1}'), SyntaxError);
  assert.throws(() => parseCast(""), SyntaxError);
});

test("output appears when its time has come", () => {
  const at = screen();
  const timeline = new Timeline(EVENTS, at);
  timeline.play();
  timeline.pass(0.5);
  assert.equal(at.shown.text, "a");
  timeline.pass(0.6);
  assert.equal(at.shown.text, "ab");
});

test("double speed takes half the time", () => {
  const at = screen();
  const timeline = new Timeline(EVENTS, at);
  timeline.speed = 2;
  timeline.play();
  timeline.pass(2);
  assert.equal(at.shown.text, "abc");
  assert.equal(timeline.isPlaying, false);
});

test("a pause holds the time", () => {
  const timeline = new Timeline(EVENTS, screen());
  timeline.play();
  timeline.pass(0.5);
  timeline.pause();
  timeline.pass(10);
  assert.equal(timeline.at, 0.5);
});

test("seeking back draws the screen anew up to that time", () => {
  const at = screen();
  const timeline = new Timeline(EVENTS, at);
  timeline.seek(4);
  timeline.seek(1.5);
  assert.equal(at.shown.text, "ab");
  assert.equal(at.shown.clears, 2);
});

test("playing at the end begins again", () => {
  const at = screen();
  const timeline = new Timeline(EVENTS, at);
  timeline.seek(4);
  timeline.play();
  assert.equal(timeline.at, 0);
  assert.equal(at.shown.text, "a");
});

test("long pauses are cut, short ones are kept", () => {
  assert.deepEqual(shortenPauses([[1, "a"], [2, "b"], [60, "c"]]), [[1, "a"], [2, "b"], [3.5, "c"]]);
});

test("an empty recording is over before it begins", () => {
  const timeline = new Timeline([], screen());
  assert.equal(timeline.isOver, true);
  assert.equal(timeline.length, 0);
});
