import assert from "node:assert/strict";
import { test } from "node:test";

import { localTime } from "../../static/src/js/site/times.js";

test("a moment is told in the reader's zone and language", () => {
  const moment = "2026-11-23T01:05:09+00:00";
  assert.equal(localTime(moment, "pt-br", "America/Sao_Paulo"), "22/11/2026, 22:05:09");
  assert.match(localTime(moment, "en", "America/Sao_Paulo"), /^11\/22\/26, 10:05:09\sPM$/);
});
