import { startReplay } from "./replay/player.js";

const room = document.querySelector("[data-replay]");
if (room) startReplay(room);
