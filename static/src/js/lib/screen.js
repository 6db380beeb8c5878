// xterm.js as this portal uses it: the page's colours, no clipboard, titles or links for the pod.
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import { onThemeChange } from "../site/theme-switch.js";
import { coloursOf } from "./colours.js";

// Titles, colours of the page, links and the clipboard: a pod sets none of them.
const IGNORED_OSC = [0, 1, 2, 4, 7, 8, 9, 10, 11, 12, 52, 104, 110, 111, 112, 133, 777, 1337];

/** A terminal in `element`; answers { terminal, fit }. */
export function openScreen(element, options = {}) {
  const terminal = new Terminal({
    fontFamily: '"JetBrains Mono", ui-monospace, monospace',
    fontSize: 13,
    lineHeight: 1.25,
    scrollback: 5000,
    theme: themeOf(element),
    ...options,
  });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  for (const code of IGNORED_OSC) terminal.parser.registerOscHandler(code, () => true);
  terminal.open(element);
  onThemeChange(() => (terminal.options.theme = themeOf(element)));
  return { terminal, fit };
}

function themeOf(element) {
  const { foreground, background, selection, inks } = coloursOf(element);
  return { ...inks, background, foreground, cursor: foreground, selectionBackground: selection };
}
