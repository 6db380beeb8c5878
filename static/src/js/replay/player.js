// The replay of a run: asciinema-player is its screen, the controls around it are the page's own, in its
// language. Speed, pauses, colours and columns are fixed when a player is made, so it is made anew for them.
import { create } from "asciinema-player";

import { parseCast } from "../lib/cast.js";
import { clock } from "../lib/clock.js";
import { coloursOf } from "../lib/colours.js";
import { word } from "../lib/words.js";
import { onThemeChange } from "../site/theme-switch.js";
import { columnsFor, makeScene, markAfter, markBefore, rowsFor, turnAt } from "./scene.js";

const STEP = 5; // seconds an arrow key moves
const TURNS = ["student", "instructor"];
const CONTROLS = "button, select, summary, a, input";
const SHOWN = { fit: false, controls: false, theme: "page", cursorMode: "steady", terminalLineHeight: 1.25 };
const LETTERS = { terminalFontFamily: '"JetBrains Mono", ui-monospace, monospace', terminalFontSize: "13px" };

export async function startReplay(room) {
  const replay = room.querySelector("[data-cast-url]");
  const state = replay.querySelector("[data-replay-state]");
  try {
    const cast = await loadCast(replay.dataset.castUrl);
    state.textContent = cast.events.some(([, kind]) => kind === "o") ? "" : word("empty");
    await document.fonts.load(`13px ${LETTERS.terminalFontFamily}`);
    await new Replay(cast, room).open();
  } catch {
    state.textContent = word("noCast");
  }
}

async function loadCast(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`the recording answered ${answer.status}`);
  return parseCast(await answer.text());
}

class Replay {
  constructor(cast, room) {
    const find = (name) => room.querySelector(`[data-replay-${name}]`);
    Object.assign(this, { cast, room, at: 0, isPlaying: false });
    this.screen = find("screen");
    this.play = find("play");
    this.clock = find("clock");
    this.skip = find("skip");
    this.marks = find("marks");
    this.turnNote = find("turn");
    this.typist = find("typist");
    this.nobodyElse = this.typist?.textContent;
    this.range = room.querySelector("#replay-at");
    this.speed = room.querySelector("#replay-speed");
    this.links = [...room.querySelectorAll("[data-replay-jump]")];
    this.places = this.links.map((link) => Number(link.dataset.replayJump));
    this.turns = this.places.map((_, number) => number).filter((number) => TURNS.includes(this.kindOf(number)));
    this.isTerminal = "terminal" in room.querySelector("[data-cast-url]").dataset;
  }

  kindOf(number) {
    return this.links[number].closest("[data-verdict]").dataset.verdict;
  }

  /** At the place the address names, else at the end: all that was printed is seen at once. */
  async open() {
    this.edit();
    if (!this.scene.events.length) return;
    this.play.disabled = this.range.disabled = false;
    const wanted = this.places.indexOf(Number(new URLSearchParams(location.search).get("at") ?? NaN));
    await this.build(wanted < 0 ? this.scene.length : this.scene.marks[wanted]);
    this.listen();
  }

  listen() {
    this.play.addEventListener("click", () => this.toggle());
    this.range.addEventListener("input", () => this.seek(Number(this.range.value)));
    this.speed.addEventListener("change", () => this.build(this.at));
    this.skip.addEventListener("change", () => this.recut());
    this.links.forEach((link, number) => link.addEventListener("click", (event) => this.jump(event, number)));
    this.room.addEventListener("keydown", (event) => this.press(event), { capture: true });
    this.room.addEventListener("keyup", () => this.show());
    onThemeChange(() => this.build(this.at));
    new ResizeObserver(() => this.fit()).observe(this.screen);
  }

  edit() {
    this.scene = makeScene(this.cast, this.places, { isShort: this.skip.checked });
    this.range.max = this.scene.length;
    this.links.forEach((link, number) => {
      link.querySelector("[data-replay-time]").textContent = clock(this.scene.marks[number]);
    });
    this.marks.replaceChildren(...this.scene.marks.map((mark, number) => this.drawMark(mark, number)));
  }

  drawMark(mark, number) {
    const tick = document.createElement("span");
    tick.dataset.verdict = this.kindOf(number);
    tick.style.left = `${(100 * mark) / (this.scene.length || 1)}%`;
    return tick;
  }

  /** The other length has the same places: who stands at one stays there, and begins anew otherwise. */
  recut() {
    const here = this.scene.marks.indexOf(this.at);
    this.edit();
    return this.build(here < 0 ? 0 : this.scene.marks[here]);
  }

  /** A new player at this time; it goes on if the one before was playing. */
  async build(at) {
    const goesOn = this.isPlaying;
    this.player?.dispose();
    this.paint();
    this.columns = this.columnsNow();
    const { events } = this.scene;
    const rows = this.isTerminal ? this.scene.rows : rowsFor(events, this.columns, this.scene.rows);
    const head = { version: 2, width: this.columns, height: rows };
    const speed = Number(this.speed.value);
    const player = create({ data: [head, ...events] }, this.screen, { ...SHOWN, ...LETTERS, speed });
    this.player = player;
    this.isPlaying = false;
    for (const [name, isPlaying] of [["playing", true], ["pause", false], ["ended", false]]) {
      player.addEventListener(name, () => player === this.player && this.turn(isPlaying));
    }
    await this.seek(at);
    if (goesOn && player === this.player) await player.play();
  }

  paint() {
    const colours = coloursOf(this.screen);
    const names = { foreground: colours.foreground, background: colours.background, ...colours.palette };
    for (const [name, colour] of Object.entries(names)) this.screen.style.setProperty(`--page-${name}`, colour);
  }

  columnsNow() {
    if (this.isTerminal) return this.scene.columns;
    const ruler = this.screen.appendChild(document.createElement("span"));
    Object.assign(ruler.style, { position: "absolute", width: "100ch", font: `13px ${LETTERS.terminalFontFamily}` });
    const letter = ruler.getBoundingClientRect().width / 100;
    ruler.remove();
    const { paddingLeft, paddingRight } = getComputedStyle(this.screen);
    const inside = this.screen.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
    return columnsFor(inside, letter);
  }

  fit() {
    if (this.columnsNow() !== this.columns) this.build(this.at);
  }

  turn(isPlaying) {
    this.isPlaying = isPlaying;
    if (isPlaying) requestAnimationFrame(() => this.frame());
    this.show();
  }

  frame() {
    this.show();
    if (this.isPlaying) requestAnimationFrame(() => this.frame());
  }

  toggle() {
    return this.isPlaying ? this.player.pause() : this.player.play();
  }

  async seek(at) {
    const { player } = this;
    await player.seek(Math.max(0, Math.min(this.scene.length, at)));
    if (player === this.player) this.show();
  }

  /** To a place, and there it stands still: one wants to read. */
  async jump(event, number) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    history.replaceState(null, "", event.currentTarget.href);
    if (this.isPlaying) await this.player.pause();
    await this.seek(this.scene.marks[number]);
    this.room.querySelector("[data-cast-url]").scrollIntoView({ block: "nearest" });
  }

  press(event) {
    const act = !event.altKey && !event.ctrlKey && !event.metaKey && this.actOf(event);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  actOf({ key, target }) {
    const { at, scene } = this;
    if (key === "[") return () => this.seek(markBefore(scene.marks, at) ?? 0);
    if (key === "]") return () => this.seek(markAfter(scene.marks, at) ?? scene.length);
    if (/^[0-9]$/.test(key) && !target.matches("select")) return () => this.seek((scene.length * Number(key)) / 10);
    if (target.closest(CONTROLS)) return null;
    if (key === " ") return () => this.toggle();
    if (key === "ArrowLeft") return () => this.seek(at - STEP);
    if (key === "ArrowRight") return () => this.seek(at + STEP);
    return null;
  }

  show() {
    const { scene, player } = this;
    this.at = Math.min(scene.length, player.getCurrentTime());
    this.range.value = this.at;
    this.clock.textContent = `${clock(this.at)} / ${clock(scene.length)}`;
    this.play.textContent = word(this.isPlaying ? "pause" : this.at >= scene.length ? "again" : "play");
    this.links.forEach((link, number) => {
      link.closest("li").classList.toggle("is-here", Math.abs(scene.marks[number] - this.at) < 0.05);
    });
    if (this.typist) this.tellTypist();
  }

  tellTypist() {
    const number = turnAt(this.turns, this.scene.marks, this.at);
    if (number === this.turnTold) return;
    this.turnTold = number;
    const title = this.links[number]?.querySelector("[data-replay-title]").textContent;
    this.typist.textContent = title ?? this.nobodyElse;
    this.turnNote.dataset.turn = title ? this.kindOf(number) : "student";
  }
}
