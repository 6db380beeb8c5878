// Plots below a lab's steps: what their tables hold, drawn by uPlot in the page's colours. A step that is
// replaced brings a new table, and is drawn anew.
import { drawPlot } from "./plots/plot.js";
import { onThemeChange } from "./site/theme-switch.js";

let drawn = [];

function drawAll() {
  for (const each of drawn) each.destroy();
  drawn = [...document.querySelectorAll("[data-plot]")].map(drawPlot).filter(Boolean);
}

function drawNew() {
  const gone = drawn.filter((each) => !each.figure.isConnected);
  for (const each of gone) each.destroy();
  drawn = drawn.filter((each) => each.figure.isConnected);
  const known = new Set(drawn.map((each) => each.figure));
  for (const figure of document.querySelectorAll("[data-plot]")) {
    const plot = known.has(figure) ? null : drawPlot(figure);
    if (plot) drawn.push(plot);
  }
}

drawNew();
document.addEventListener("htmx:afterSettle", drawNew);
onThemeChange(drawAll);
