import assert from "node:assert/strict";
import test from "node:test";

import { placeAt } from "../../static/src/js/lib/yaml-place.js";

/** The place of the `|` in a text. */
function placeIn(text) {
  const lines = text.replace("|", "").split("\n");
  const at = text.split("\n").findIndex((line) => line.includes("|"));
  const typed = text.split("\n")[at].split("|")[0];
  return placeAt(lines, at, typed.match(/^[ ]*(- +)*/)[0].length);
}

const SERVICE = `apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  # what is offered
  ports:
    - name: http
      port: 80
      po|
    - port: 81
  selector:
    app: web
`;

test("a field of a list's item knows the item's other fields only", () => {
  assert.deepEqual(placeIn(SERVICE), { kind: "v1/Service", path: ["spec", "ports"], siblings: ["port", "name"] });
});

test("a line with a dash begins an item of its own", () => {
  const place = placeIn("kind: A\nspec:\n  ports:\n    - port: 80\n    - |\n");
  assert.deepEqual([place.path, place.siblings], [["spec", "ports"], []]);
});

test("fields of the object itself have no path", () => {
  const place = placeIn("apiVersion: v1\nkind: Pod\n|\nspec:\n  containers: []\n");
  assert.deepEqual(place, { kind: "v1/Pod", path: [], siblings: ["spec", "kind", "apiVersion"] });
});

test("lists that are not indented are lists too", () => {
  assert.deepEqual(placeIn("spec:\n  ports:\n  - name: a\n    |\n").path, ["spec", "ports"]);
});

test("what stands in another document does not count", () => {
  const place = placeIn("apiVersion: v1\nkind: Pod\nspec:\n  a: b\n---\napiVersion: v2\nkind: B\nspec:\n  |\n---\nkind: C\n");
  assert.deepEqual(place, { kind: "v2/B", path: ["spec"], siblings: [] });
});

test("a deep place is found through siblings that have fields of their own", () => {
  const place = placeIn("spec:\n  ingress:\n    - from:\n        - podSelector:\n            matchLabels: {}\n      ports:\n        - |\n");
  assert.deepEqual(place.path, ["spec", "ingress", "ports"]);
});
