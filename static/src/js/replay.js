import { startReplay } from "./replay/player.js";

const replay = document.querySelector("[data-cast-url]");
if (replay) startReplay(replay);
