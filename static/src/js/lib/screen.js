// xterm.js as this portal uses it: the page's colours, no clipboard, titles or links for the pod.
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import { currentTheme, onThemeChange } from "../site/theme-switch.js";

// Titles, colours of the page, links and the clipboard: a pod sets none of them.
const IGNORED_OSC = [0, 1, 2, 4, 7, 8, 9, 10, 11, 12, 52, 104, 110, 111, 112, 133, 777, 1337];

const INKS = {
  light: {
    black: "#1d2a33", red: "#b3261e", green: "#1a7045", yellow: "#8a6100", blue: "#2457b3", magenta: "#97327a",
    cyan: "#00697a", white: "#5c6a73", brightBlack: "#55636c", brightRed: "#c8372d", brightGreen: "#20804f",
    brightYellow: "#7d5800", brightBlue: "#2f68cf", brightMagenta: "#aa3d8a", brightCyan: "#077588", brightWhite: "#27343c",
  },
  dark: {
    black: "#28343d", red: "#ff8f82", green: "#7fd8a2", yellow: "#ecc96e", blue: "#93bbff", magenta: "#ef9ad6",
    cyan: "#7ad0dc", white: "#d5dde2", brightBlack: "#8496a1", brightRed: "#ffab9f", brightGreen: "#9de6b8",
    brightYellow: "#f6da92", brightBlue: "#b0ceff", brightMagenta: "#f6b5e2", brightCyan: "#9be0ea", brightWhite: "#f4f8fa",
  },
};

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
  const style = getComputedStyle(element);
  const [background, foreground, selection] = [style.backgroundColor, style.color, style.outlineColor].map(plainColour);
  return { ...INKS[currentTheme()], background, foreground, cursor: foreground, selectionBackground: selection };
}

/** xterm.js reads no oklch(): a canvas tells the sRGB value of whatever the style sheet says. */
function plainColour(colour) {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
  return `#${[red, green, blue].map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}
