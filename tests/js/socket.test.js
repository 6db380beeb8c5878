import assert from "node:assert/strict";
import { test } from "node:test";

import { meaningOf, ResumableSocket, waitBefore } from "../../static/src/js/lib/socket.js";

function world() {
  const opened = [];
  const waits = [];
  const states = [];
  class Socket {
    constructor(url) {
      Object.assign(this, { url, sent: [], readyState: 1, isClosed: false });
      opened.push(this);
    }
    send(data) {
      this.sent.push(data);
    }
    close() {
      this.isClosed = true;
    }
  }
  const options = {
    Socket,
    origin: "ws://lab",
    later: (act) => waits.push(act),
    onMessage: (id) => id,
    onState: (state) => states.push(state),
  };
  return { opened, waits, states, socket: new ResumableSocket("/ws/runs/1/", options) };
}

test("it begins at the start of the stream", () => {
  assert.equal(world().opened[0].url, "ws://lab/ws/runs/1/");
});

test("a dropped connection goes on after the last id it has seen", () => {
  const { opened, waits, states } = world();
  opened[0].onopen();
  opened[0].onmessage({ data: "17-0" });
  opened[0].onmessage({ data: "18-3" });
  opened[0].onclose({ code: 1006 });
  waits[0]();
  assert.equal(opened[1].url, "ws://lab/ws/runs/1/?last=18-3");
  assert.deepEqual(states, ["connecting", "open", "waiting", "connecting"]);
});

test("a message without an id keeps the last one", () => {
  const { opened, waits } = world();
  opened[0].onmessage({ data: "17-0" });
  opened[0].onmessage({ data: undefined });
  opened[0].onclose({ code: 1006 });
  waits[0]();
  assert.ok(opened[1].url.endsWith("last=17-0"));
});

test("the end of the stream is not a dropped connection", () => {
  const { opened, waits, states } = world();
  opened[0].onclose({ code: 1000 });
  assert.equal(waits.length, 0);
  assert.equal(states.at(-1), "done");
});

test("a refusal is not tried again", () => {
  const { opened, waits, states } = world();
  opened[0].onclose({ code: 4404 });
  assert.equal(waits.length, 0);
  assert.equal(states.at(-1), "refused");
});

test("a closed socket stays silent, even if a wait was under way", () => {
  const { opened, waits, socket } = world();
  opened[0].onclose({ code: 1006 });
  socket.close();
  waits[0]();
  assert.equal(opened.length, 1);
});

test("it tries less and less often, but never less than every four seconds", () => {
  const waits = [0, 1, 2, 10].map((attempt) => waitBefore(attempt, () => 0.5));
  assert.deepEqual(waits, [400, 800, 1600, 3000]);
  assert.ok(waitBefore(50, () => 1) <= 4000);
});

test("close codes have one meaning each", () => {
  assert.deepEqual([1000, 4404, 4403, 4429, 4001, 1006, 1012, 1011].map(meaningOf), ["done", "refused", "refused", "crowded", "again", "again", "again", "again"]);
});
