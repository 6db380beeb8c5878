import { WatchedTerminal } from "./watch/terminal.js";

new WatchedTerminal(document.querySelector("[data-watched]"));
