import assert from "node:assert/strict";
import { test } from "node:test";

import { Freshener, startLive } from "../../static/src/js/packets/live.js";
import { Parts } from "../../static/src/js/packets/parts.js";
import { byteAfter, fieldAt } from "../../static/src/js/packets/spans.js";

const FIELDS = [
  { name: "ip", source: 0, from: 14, to: 34 },
  { name: "ip.flags", source: 0, from: 20, to: 21 },
  { name: "ip.flags.df", source: 0, from: 20, to: 21 },
  { name: "http", source: 1, from: 0, to: 40 },
];

test("a byte belongs to the smallest field that has it, and of equals to the inner one", () => {
  assert.equal(fieldAt(FIELDS, 0, 20).name, "ip.flags.df");
  assert.equal(fieldAt(FIELDS, 0, 33).name, "ip");
  assert.equal(fieldAt(FIELDS, 1, 20).name, "http");
  assert.equal(fieldAt(FIELDS, 0, 34), null);
});

test("arrow keys walk through lines of sixteen bytes and stay inside", () => {
  assert.equal(byteAfter("ArrowDown", 3, 40), 19);
  assert.equal(byteAfter("ArrowUp", 3, 40), 3);
  assert.equal(byteAfter("End", 3, 40), 39);
  assert.equal(byteAfter("Home", 3, 40), 0);
  assert.equal(byteAfter("ArrowRight", 39, 40), 39);
  assert.equal(byteAfter("x", 3, 40), null);
});

test("what is asked for anew takes the place of what is on its way", async () => {
  const asked = [];
  const parts = new Parts({ ask: async (part, address, signal) => (asked.push({ address, signal }), signal.aborted ? null : address) });
  const first = parts.get("packet", "?packet=1");
  const second = parts.get("packet", "?packet=2");
  assert.equal(asked[0].signal.aborted, true);
  assert.equal(await second, "?packet=2");
  await first;
});

test("a packet that was shown is not asked for again", async () => {
  let count = 0;
  const parts = new Parts({ ask: async () => String(++count) });
  assert.equal(await parts.get("packet", "?packet=1", { keep: true }), "1");
  assert.equal(await parts.get("packet", "?packet=1", { keep: true }), "1");
  assert.equal(await parts.get("listing", "?packet=1"), "2");
});

test("many wishes become one act, and none is forgotten", async () => {
  const rests = [];
  let acts = 0;
  const fresh = new Freshener(async () => acts++, (act) => rests.push(act));
  fresh.wish();
  fresh.wish();
  fresh.wish();
  await Promise.resolve();
  assert.equal(acts, 1);
  await Promise.resolve();
  rests.shift()();
  assert.equal(acts, 2);
});

test("the end of a capture asks for the list once more", async () => {
  const told = {};
  class Socket {
    constructor(path, options) {
      Object.assign(told, { path, ...options });
    }
  }
  const asked = [];
  const note = { remove: () => asked.push("note gone") };
  const page = { dataset: { live: "/ws/runs/1/" }, querySelector: () => note };
  globalThis.location = { search: "?filter=tcp" };
  startLive("/ws/runs/1/", { page, list: async (address) => asked.push(address) }, { Socket, later: () => {} });
  told.onState("open");
  assert.equal(told.onMessage('[{"id": "1-1"}, {"id": "1-2"}]'), "1-2");
  assert.deepEqual(asked, ["?filter=tcp"]);
  told.onState("done");
  assert.deepEqual([asked.at(-1), page.dataset.live], ["note gone", undefined]);
});
