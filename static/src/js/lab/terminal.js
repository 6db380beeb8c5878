// The student's own shell. The terminal is a run like any other: after a reload or a dropped
// connection its socket goes on from the last frame seen.
import { post } from "../lib/post.js";
import { openScreen } from "../lib/screen.js";
import { ResumableSocket } from "../lib/socket.js";
import { say, word } from "../lib/words.js";
import { notify } from "../site/notices.js";
import { Acknowledgements, keysFrame, readFrame } from "./frames.js";
import { endSentence, showChip } from "./states.js";
import { isTakingBack } from "./take-back.js";

const NO_RUN = "00000000-0000-0000-0000-000000000000";

export class LabTerminal {
  constructor(element, { openUrl, cancelUrl, sessionKey }) {
    Object.assign(this, { element, openUrl, cancelUrl, sessionKey });
    const find = (name) => element.querySelector(`[data-terminal-${name}]`);
    this.parts = { screen: find("screen"), state: find("state"), start: find("new"), stop: find("stop"), end: find("end") };
    this.pods = element.querySelector("select");
    this.parts.start.addEventListener("click", () => this.open(this.pods.value));
    this.parts.stop.addEventListener("click", () => this.leave());
    this.resume();
  }

  /** Opens a shell in a pod, unless one is open there already; the keyboard goes to it. */
  async open(pod = this.pods.value) {
    if (this.isLive && this.pod === pod) return this.focus();
    if (this.isLive) this.leave();
    this.prepareScreen(pod);
    const { cols: columns, rows } = this.terminal;
    const answer = await post(this.openUrl, { pod, columns, rows });
    if (!answer) return;
    const content = await answer.json().catch(() => ({}));
    if (!answer.ok) return notify("error", content.error ?? word("failed"));
    this.follow(content.run, pod);
    this.focus();
  }

  leave() {
    post(this.cancelUrl.replace(NO_RUN, this.run));
  }

  focus() {
    this.element.scrollIntoView({ block: "nearest" });
    this.terminal?.focus();
  }

  resume() {
    const kept = recall(this.sessionKey);
    if (!kept) return;
    this.prepareScreen(kept.pod);
    this.follow(kept.run, kept.pod);
  }

  prepareScreen(pod) {
    this.pods.value = pod;
    if (!this.terminal) this.makeScreen();
    this.terminal.textarea.setAttribute("aria-label", say("terminalLabel", { pod }));
    this.fit.fit();
  }

  makeScreen() {
    this.element.classList.add("is-open");
    Object.assign(this, openScreen(this.parts.screen, { cursorBlink: !matchMedia("(prefers-reduced-motion: reduce)").matches }));
    this.terminal.onData((text) => this.socket?.send(keysFrame(new TextEncoder().encode(text))));
    this.terminal.onBinary((text) => this.socket?.send(keysFrame(Uint8Array.from(text, (char) => char.charCodeAt(0)))));
    this.terminal.onResize((size) => this.sendSize(size));
    this.terminal.attachCustomKeyEventHandler((event) => this.isForTheShell(event));
    new ResizeObserver(() => this.fit.fit()).observe(this.parts.screen);
  }

  /** F6 leads out of the terminal, F8 takes a lent keyboard back: every other key, Tab and Escape too, belongs
   * to the shell. */
  isForTheShell(event) {
    if (isTakingBack(event)) return false;
    if (event.key !== "F6") return true;
    event.preventDefault();
    if (event.type === "keydown") this.pods.focus();
    return false;
  }

  follow(run, pod) {
    this.socket?.close();
    Object.assign(this, { run, pod, isLive: true });
    remember(this.sessionKey, { run, pod });
    this.terminal.reset();
    this.parts.end.textContent = "";
    this.acknowledgements = new Acknowledgements((text) => this.socket.send(text));
    this.socket = new ResumableSocket(`/ws/terminals/${run}/`, {
      onMessage: (frame) => this.take(readFrame(frame)),
      onState: (state) => this.connection(state),
    });
    this.show("starting");
  }

  take({ id, source, data }) {
    if (source === "out") this.draw(data);
    else this.hear(source, JSON.parse(new TextDecoder().decode(data)));
    return id;
  }

  draw(bytes) {
    if (this.parts.state.dataset.state === "starting") this.show("running");
    this.terminal.write(bytes, () => this.acknowledgements.add(bytes.length));
  }

  hear(source, content) {
    if (source === "end") return this.finish(content);
    if (content.event === "replayed") this.terminal.reset();
    if (content.event === "truncated") this.parts.end.textContent = say("truncated", { bytes: content.bytes });
  }

  finish(end) {
    this.isLive = false;
    forget(this.sessionKey);
    this.parts.end.textContent = endSentence(end);
    this.show(end.state);
  }

  connection(state) {
    if (state === "open") this.sendSize(this.terminal);
    if (state === "refused" || state === "crowded") this.refused(state);
    else if (this.isLive) this.parts.end.textContent = state === "waiting" ? word("reconnecting") : "";
  }

  refused(state) {
    this.isLive = false;
    forget(this.sessionKey);
    this.parts.end.textContent = word(state);
    this.show("lost");
  }

  sendSize({ cols, rows }) {
    this.socket?.send(JSON.stringify({ resize: [cols, rows] }));
  }

  show(state) {
    showChip(this.parts.state, state);
    this.parts.stop.hidden = !this.isLive;
  }
}

// The open shell of this tab: kept for a reload, not for ever.
function recall(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key));
  } catch {
    return null;
  }
}

function remember(key, value) {
  try {
    sessionStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Storage may be barred: a reload then opens a new shell.
  }
}

function forget(key) {
  try {
    sessionStorage.removeItem(key);
  } catch {
    // Nothing was kept.
  }
}
