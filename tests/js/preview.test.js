import assert from "node:assert/strict";
import { test } from "node:test";
import { followStamp } from "../../static/src/js/preview/follow.js";

test("a page is loaded again at another stamp, and a portal that does not answer is asked again", async () => {
  const answers = [{ stamp: "one" }, null, { stamp: "two" }];
  let reloads = 0;
  const ask = async () => answers.shift() ?? Promise.reject(new Error("away"));
  await followStamp({ ask, stamp: "one", reload: () => reloads++, pause: async () => {} });
  assert.deepEqual([reloads, answers.length], [1, 0]);
});
