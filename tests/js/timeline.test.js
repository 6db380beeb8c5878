import assert from "node:assert/strict";
import { test } from "node:test";

import { Timeline } from "../../static/src/js/recording/timeline.js";

function screen() {
  const shown = { text: "", clears: 0 };
  return {
    shown,
    write: (text) => (shown.text += text),
    clear: () => Object.assign(shown, { text: "", clears: shown.clears + 1 }),
  };
}

const EVENTS = [[0, "o", "a"], [0.5, "m", "mark"], [1, "o", "b"], [4, "o", "c"], [9, "m", "end"]];

test("output appears when its time has come", () => {
  const at = screen();
  const timeline = new Timeline(EVENTS, at);
  timeline.play();
  timeline.pass(0.5);
  assert.equal(at.shown.text, "a");
  timeline.pass(0.6);
  assert.equal(at.shown.text, "ab");
});

test("it is over with the last output", () => {
  const timeline = new Timeline(EVENTS, screen());
  timeline.play();
  timeline.pass(4);
  assert.equal(timeline.length, 4);
  assert.equal(timeline.isPlaying, false);
});

test("a pause holds the time, and playing goes on from there", () => {
  const at = screen();
  const timeline = new Timeline(EVENTS, at);
  timeline.play();
  timeline.pass(1.5);
  timeline.pause();
  timeline.pass(10);
  assert.equal(timeline.at, 1.5);
  timeline.play();
  assert.deepEqual(at.shown, { text: "ab", clears: 1 });
});

test("playing at the end begins again on a clear screen", () => {
  const at = screen();
  const timeline = new Timeline(EVENTS, at);
  timeline.play();
  timeline.pass(4);
  timeline.play();
  assert.equal(timeline.at, 0);
  assert.deepEqual(at.shown, { text: "a", clears: 2 });
});

test("an empty recording is over before it begins", () => {
  const timeline = new Timeline([], screen());
  assert.equal(timeline.isOver, true);
  assert.equal(timeline.length, 0);
});
