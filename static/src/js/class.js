// The live page of a class: cells arrive drawn, reasons are asked for when work has moved.
import { ResumableSocket } from "./lib/socket.js";

const REASONS_EVERY = 2000; // milliseconds: however much happens, they are asked for no more often

const page = document.getElementById("live-class");
const words = document.getElementById("class-words").dataset;
const connection = page.querySelector("[data-connection]");
let asked = false;

new ResumableSocket(page.dataset.socket, {
  onMessage: (message) => {
    const { id, cells } = JSON.parse(message);
    for (const [key, html] of Object.entries(cells)) draw(document.getElementById(key), html);
    askReasons();
    return id;
  },
  onState: (state) => {
    const isOpen = state === "open";
    connection.textContent = isOpen ? words.live : state === "waiting" || state === "connecting" ? words.reconnecting : words.closed;
    connection.dataset.state = isOpen ? "ready" : "expiring";
  },
});

/** A cell that has the focus keeps it: the teacher may be going through the table by keyboard. */
function draw(cell, html) {
  if (!cell) return;
  const hadFocus = cell.contains(document.activeElement);
  cell.innerHTML = html;
  cell.dataset.fresh = "";
  setTimeout(() => delete cell.dataset.fresh, 1600);
  if (hadFocus) cell.querySelector("a")?.focus();
}

function askReasons() {
  if (asked) return;
  asked = true;
  setTimeout(() => {
    asked = false;
    // Somebody who writes a hint or an answer, or reads on, is not interrupted.
    if (!document.querySelector("#stuck details[open]")) window.htmx.trigger("#stuck", "refresh");
    if (!document.querySelector("#hands textarea:focus")) window.htmx.trigger("#hands", "refresh");
  }, REASONS_EVERY);
}
