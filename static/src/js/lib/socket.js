// A WebSocket that comes back: it asks for what follows the last id it has seen, so that nothing is
// missed and nothing comes twice. Close code 1000 is the end of the stream, 44xx a refusal (4429: too
// many are open); after anything else it tries again, ever more slowly.

const FIRST_WAIT = 400;
const LONGEST_WAIT = 3000; // nobody should sit before a server that has been back for longer

export function waitBefore(attempt, random = Math.random) {
  return Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** attempt) * (0.75 + random() / 2);
}

/** What a close code means: "done", "crowded", "refused" or "again". */
export function meaningOf(code) {
  if (code === 1000) return "done";
  if (code === 4429) return "crowded";
  return code >= 4400 && code < 4500 ? "refused" : "again";
}

export class ResumableSocket {
  /**
   * `onMessage(data)` answers the id of the last entry it took in, or nothing.
   * `onState(state)` hears connecting, open, waiting, done, crowded and refused.
   * Call `forget()` when the stream begins anew, `close()` when nobody listens any more.
   */
  constructor(path, { onMessage, onState = () => {}, Socket = WebSocket, later = (act, wait) => setTimeout(act, wait), origin = originOf(location) }) {
    Object.assign(this, { path, onMessage, onState, Socket, later, origin });
    this.last = "";
    this.attempt = 0;
    this.isOver = false;
    this.connect();
  }

  connect() {
    if (this.isOver) return;
    this.onState("connecting");
    const query = this.last ? `?last=${encodeURIComponent(this.last)}` : "";
    const socket = new this.Socket(this.origin + this.path + query);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.onState("open");
    socket.onmessage = ({ data }) => this.take(data);
    socket.onclose = ({ code }) => this.closed(code);
    this.socket = socket;
  }

  take(data) {
    this.attempt = 0;
    const id = this.onMessage(data);
    if (id) this.last = id;
  }

  closed(code) {
    if (this.isOver) return;
    const meaning = meaningOf(code);
    if (meaning === "again") {
      this.onState("waiting");
      this.later(() => this.connect(), waitBefore(this.attempt++));
      return;
    }
    this.isOver = true;
    this.onState(meaning);
  }

  /** Sends when the socket is open; answers whether it was. */
  send(data) {
    const isOpen = this.socket.readyState === 1;
    if (isOpen) this.socket.send(data);
    return isOpen;
  }

  forget() {
    this.last = "";
  }

  close() {
    this.isOver = true;
    this.socket.close();
  }
}

function originOf({ protocol, host }) {
  return `${protocol === "https:" ? "wss:" : "ws:"}//${host}`;
}
