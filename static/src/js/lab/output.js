// The entries of one run in order: bytes of stdout and stderr become harmless lines, events and the
// end are told to the pane.
import { bytesOf, jsonOf } from "../lib/base64.js";
import { Lines } from "../lib/lines.js";
import { Neutraliser } from "../lib/neutral.js";

const KINDS = { stdout: "out", stderr: "err" };

export class Output {
  constructor({ onLines, onEvent, onEnd, onClock }) {
    Object.assign(this, { onLines, onEvent, onEnd, onClock });
    this.begin();
  }

  begin() {
    this.readers = { stdout: new Reader("out"), stderr: new Reader("err") };
  }

  /** Takes in one message of the socket; answers the id of its last entry. */
  take(message) {
    const entries = JSON.parse(message);
    for (const entry of entries) this.takeEntry(entry);
    return entries.at(-1)?.id;
  }

  takeEntry({ id, src, data, ms }) {
    // A stream's id begins with the server's clock, so the start is known even after a long silence.
    if (src !== "end") this.onClock(parseInt(id, 10) - ms);
    if (src in KINDS) return this.takeBytes(src, bytesOf(data));
    const content = jsonOf(data);
    return src === "end" ? this.end(content, ms) : this.onEvent(content);
  }

  takeBytes(src, bytes) {
    const lines = this.readers[src].push(bytes);
    this.onLines(lines, this.open());
  }

  end(content, ms) {
    const lines = Object.values(this.readers).flatMap((reader) => reader.finish());
    this.onLines(lines, "");
    this.onEnd(content, ms);
  }

  open() {
    return this.readers.stdout.lines.open || this.readers.stderr.lines.open;
  }
}

class Reader {
  constructor(kind) {
    this.kind = kind;
    this.neutraliser = new Neutraliser();
    this.lines = new Lines();
  }

  push(bytes) {
    return this.lines.push(this.neutraliser.push(bytes)).map((text) => ({ text, kind: this.kind }));
  }

  finish() {
    const rest = this.lines.push(this.neutraliser.finish());
    const open = this.lines.open ? [this.lines.open] : [];
    this.lines.open = "";
    return [...rest, ...open].map((text) => ({ text, kind: this.kind }));
  }
}
