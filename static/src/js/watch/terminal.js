// A student's terminal as somebody else sees it: in the size it has there, and read-only, unless the server says
// that the student lends the keyboard. What is typed is judged there again, key by key.
import { keysFrame, readFrame } from "../lab/frames.js";
import { endSentence, showChip } from "../lab/states.js";
import { openScreen } from "../lib/screen.js";
import { ResumableSocket } from "../lib/socket.js";
import { say, word } from "../lib/words.js";
import { inSlices, noteOf } from "./keys.js";

export class WatchedTerminal {
  constructor(element) {
    this.element = element;
    const find = (name) => element.querySelector(`[data-watched-${name}]`);
    this.parts = { screen: find("screen"), state: find("state"), access: find("access"), note: find("note"), end: find("end") };
    this.giveBack = find("give-back"); // an administrator has none
    this.mayType = false;
    Object.assign(this, openScreen(this.parts.screen, { cursorBlink: false, disableStdin: true }));
    this.terminal.textarea.setAttribute("aria-label", word("terminalLabel"));
    this.terminal.onData((text) => this.send(new TextEncoder().encode(text)));
    this.terminal.onBinary((text) => this.send(Uint8Array.from(text, (char) => char.charCodeAt(0))));
    this.terminal.attachCustomKeyEventHandler((event) => this.isForTheShell(event));
    this.socket = new ResumableSocket(element.dataset.watched, {
      onMessage: (message) => this.take(message),
      onState: (state) => this.connection(state),
    });
    showChip(this.parts.state, "running");
  }

  take(message) {
    if (typeof message === "string") return this.allow(JSON.parse(message));
    const { id, source, data } = readFrame(message);
    if (source === "out") this.terminal.write(data);
    else this.hear(source, JSON.parse(new TextDecoder().decode(data)));
    return id;
  }

  hear(source, content) {
    if (source === "end") return this.finish(content);
    if (content.event === "replayed") this.terminal.reset();
    if (content.event === "resize") this.terminal.resize(content.columns, content.rows);
  }

  /** What the server says of the keyboard. */
  allow({ mayType, typist, isRefused }) {
    this.mayType = mayType;
    this.parts.note.textContent = isRefused && !mayType ? word("keyRefused") : say(noteOf({ mayType, typist }), { typist });
    this.show();
  }

  show() {
    this.terminal.options.disableStdin = !this.mayType;
    this.element.toggleAttribute("data-writable", this.mayType);
    showChip(this.parts.access, this.mayType ? "ready" : "queued", word(this.mayType ? "writable" : "readOnly"));
    if (this.giveBack) this.giveBack.hidden = !this.mayType;
  }

  send(bytes) {
    if (!this.mayType) return;
    for (const slice of inSlices(bytes)) this.socket.send(keysFrame(slice));
  }

  /** Who only watches has their keys for the page; who types leaves by F6. */
  isForTheShell(event) {
    if (!this.mayType) return false;
    if (event.key !== "F6") return true;
    event.preventDefault();
    if (event.type === "keydown") (this.giveBack ?? this.terminal.textarea).focus();
    return false;
  }

  finish(end) {
    this.parts.end.textContent = endSentence(end);
    showChip(this.parts.state, end.state);
    this.close();
  }

  close() {
    this.mayType = false;
    this.parts.note.textContent = "";
    this.show();
  }

  connection(state) {
    if (state === "refused" || state === "crowded") {
      this.parts.end.textContent = word(state);
      showChip(this.parts.state, "cancelled");
      this.close();
    } else if (state === "waiting") this.parts.end.textContent = word("reconnecting");
    else if (state === "open") this.parts.end.textContent = "";
  }
}
