// The colours of a terminal's screen: the page's own, and sixteen inks that can be read on them.
import { currentTheme } from "../site/theme-switch.js";

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

/** { foreground, background, selection, inks: { black: "#...", ... }, palette: ["#...", 16 of them in ANSI's order] }. */
export function coloursOf(element) {
  const style = getComputedStyle(element);
  const [background, foreground, selection] = [style.backgroundColor, style.color, style.outlineColor].map(plainColour);
  const inks = INKS[currentTheme()];
  return { background, foreground, selection, inks, palette: Object.values(inks) };
}

/** Terminals read no oklch(): a canvas tells the sRGB value of whatever the style sheet says. */
function plainColour(colour) {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
  return `#${[red, green, blue].map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}
