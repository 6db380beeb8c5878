import assert from "node:assert/strict";
import { test } from "node:test";

import { Acknowledgements, keysFrame, readFrame } from "../../static/src/js/lab/frames.js";

test("a frame tells its id, its source and its bytes", () => {
  const buffer = new ArrayBuffer(19);
  const view = new DataView(buffer);
  view.setBigUint64(0, 1790000000123n);
  view.setBigUint64(8, 4n);
  view.setUint8(16, 1);
  new Uint8Array(buffer, 17).set([104, 105]);
  const { id, source, data } = readFrame(buffer);
  assert.equal(id, "1790000000123-4");
  assert.equal(source, "out");
  assert.deepEqual([...data], [104, 105]);
});

test("keys go out behind a zero byte", () => {
  assert.deepEqual([...keysFrame(new Uint8Array([3]))], [0, 3]);
});

test("drawn bytes are acknowledged in large portions, and each byte once", () => {
  const sent = [];
  const acknowledgements = new Acknowledgements((text) => sent.push(JSON.parse(text).ack));
  for (let round = 0; round < 10; round++) acknowledgements.add(20_000);
  assert.deepEqual(sent, [60_000, 60_000, 60_000]);
  assert.equal(acknowledgements.drawn, 20_000);
});

test("what could not be sent is acknowledged later", () => {
  let isOpen = false;
  const sent = [];
  const acknowledgements = new Acknowledgements((text) => isOpen && sent.push(JSON.parse(text).ack));
  acknowledgements.add(70_000);
  isOpen = true;
  acknowledgements.add(1);
  assert.deepEqual(sent, [70_001]);
});
