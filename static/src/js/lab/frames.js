// The binary frames of a terminal's socket. From the server: the two halves of the stream id (64 bits
// each, big-endian), one byte for the source, then bytes. To the server: a zero byte, then keys.
export const SOURCES = { 1: "out", 2: "event", 3: "end" };
const HEADER = 17;

export function readFrame(buffer) {
  const view = new DataView(buffer);
  return {
    id: `${view.getBigUint64(0)}-${view.getBigUint64(8)}`,
    source: SOURCES[view.getUint8(16)],
    data: new Uint8Array(buffer, HEADER),
  };
}

export function keysFrame(bytes) {
  const frame = new Uint8Array(bytes.length + 1);
  frame.set(bytes, 1);
  return frame;
}

/** Counts bytes the terminal has really drawn and says so each 50 kB: that is what lets Ctrl-C through. */
export class Acknowledgements {
  constructor(send, each = 50_000) {
    Object.assign(this, { send, each, drawn: 0 });
  }

  add(count) {
    this.drawn += count;
    if (this.drawn >= this.each && this.send(JSON.stringify({ ack: this.drawn }))) this.drawn = 0;
  }
}
