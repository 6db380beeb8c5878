// Bytes of a pod become text that cannot do anything: escape sequences are taken out, other control
// characters and direction overrides are shown as signs. A sequence may be cut anywhere between two
// chunks, so this is a state machine; a string sequence that never ends is given up at the next line.

const NEXT = {
  text: readText,
  escape: readEscape,
  intermediate: readIntermediate,
  csi: readCsi,
  string: readString,
  stringEscape: readStringEscape,
};
const STRING_STARTS = new Set(["]", "P", "X", "^", "_"]);
const DIRECTION = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

export class Neutraliser {
  constructor() {
    this.decoder = new TextDecoder();
    this.state = "text";
    this.afterReturn = false;
  }

  /** The harmless text of the next bytes: printable characters, tabs and newlines. */
  push(bytes) {
    return this.read(this.decoder.decode(bytes, { stream: true }));
  }

  /** What is left of a character that was cut off at the end. */
  finish() {
    return this.read(this.decoder.decode());
  }

  read(text) {
    const out = [];
    for (const char of text) this.state = NEXT[this.state].call(this, char, out);
    return out.join("");
  }
}

function readText(char, out) {
  const isSecondHalf = char === "\n" && this.afterReturn;
  this.afterReturn = char === "\r";
  if (char === "\x1b") return "escape";
  if (!isSecondHalf) out.push(sign(char));
  return "text";
}

function readEscape(char, out) {
  if (char === "[") return "csi";
  if (STRING_STARTS.has(char)) return "string";
  if (char >= " " && char <= "/") return "intermediate";
  return isControl(char) ? readText.call(this, char, out) : "text";
}

function readIntermediate(char, out) {
  if (char >= " " && char <= "/") return "intermediate";
  return isControl(char) ? readText.call(this, char, out) : "text";
}

function readCsi(char, out) {
  if (isControl(char)) return readText.call(this, char, out);
  return char >= "@" && char <= "~" ? "text" : "csi";
}

function readString(char, out) {
  if (char === "\x07") return "text";
  if (char === "\x1b") return "stringEscape";
  return char === "\n" || char === "\r" ? readText.call(this, char, out) : "string";
}

function readStringEscape(char, out) {
  return char === "\\" ? "text" : readEscape.call(this, char, out);
}

function isControl(char) {
  return char < " " || char === "\x7f";
}

function sign(char) {
  const code = char.codePointAt(0);
  if (char === "\n" || char === "\t") return char;
  if (char === "\r") return "\n";
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  if (code >= 0x80 && code <= 0x9f) return "\ufffd";
  return DIRECTION.test(char) ? `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>` : char;
}
