import assert from "node:assert/strict";
import { test } from "node:test";

import { Neutraliser } from "../../static/src/js/lib/neutral.js";

const bytes = (text) => new TextEncoder().encode(text);

function neutral(...chunks) {
  const reader = new Neutraliser();
  return chunks.map((chunk) => reader.push(typeof chunk === "string" ? bytes(chunk) : chunk)).join("") + reader.finish();
}

test("plain text, tabs and newlines pass unchanged", () => {
  assert.equal(neutral("64 bytes\tttl=62\nação\n"), "64 bytes\tttl=62\nação\n");
});

test("colours and cursor moves are taken out", () => {
  assert.equal(neutral("\x1b[31mred\x1b[0m \x1b[2Jclear\x1b[10;20H"), "red clear");
});

test("titles and the clipboard are taken out, ended by BEL or by ST", () => {
  assert.equal(neutral("a\x1b]0;title\x07b\x1b]52;c;aGk=\x1b\\c"), "abc");
});

test("a sequence cut between two chunks is still taken out", () => {
  assert.equal(neutral("a\x1b", "[3", "1mb\x1b]52;c;", "aGk=", "\x07c"), "abc");
});

test("a string that never ends hides no more than its own line", () => {
  assert.equal(neutral("\x1b]0;hidden\nshown\n"), "\nshown\n");
});

test("a new sequence inside an unfinished one begins anew", () => {
  assert.equal(neutral("\x1b]0;title\x1b[31mshown"), "shown");
});

test("other controls become signs that do nothing", () => {
  assert.equal(neutral("\0\b\x07\x7f"), "\u2400\u2408\u2407\u2421");
  assert.equal(neutral("\u009b31m"), "\ufffd31m");
});

test("text cannot be turned around by direction overrides", () => {
  assert.equal(neutral("a\u202egnp"), "a<U+202E>gnp");
});

test("a carriage return ends a line once, also across chunks", () => {
  assert.equal(neutral("a\r\nb\r", "\nc\rd"), "a\nb\nc\nd");
});

test("bytes that are no UTF-8 become replacement signs and do not spoil what follows", () => {
  assert.equal(neutral(new Uint8Array([0x61, 0xff, 0xfe, 0x62])), "a\ufffd\ufffdb");
});

test("a character cut between two chunks is put together", () => {
  const [first, second] = bytes("ç");
  assert.equal(neutral(new Uint8Array([first]), new Uint8Array([second])), "ç");
});
