import uPlot from "uplot";

import { columnsOf, stepsAround } from "./table.js";

// By place in the list of lines: a colour of the page and a dash, so that nothing hangs on colour alone.
const LOOKS = [
  { colour: "--tcp", dash: [] },
  { colour: "--icmp", dash: [7, 5] },
  { colour: "--udp", dash: [2, 4] },
];
const HEIGHT = 280;
const FEW = 20; // points: so few are marked

/** Draws a figure's table into its area; null while there is nothing to draw. */
export function drawPlot(figure) {
  const area = figure.querySelector("[data-plot-area]");
  if (!area) return null;
  area.hidden = false;
  const names = [...figure.querySelectorAll("[data-line]")].map((cell) => cell.textContent);
  const rows = [...figure.querySelectorAll("tbody tr")].map((row) => [...row.cells].map((cell) => cell.dataset.value ?? ""));
  const columns = columnsOf(rows, names.length);
  const plot = new uPlot({ ...optionsOf(figure, names, columns), width: area.clientWidth || 320, height: HEIGHT }, columns, area);
  const resized = new ResizeObserver(() => {
    if (area.clientWidth) plot.setSize({ width: area.clientWidth, height: HEIGHT });
  });
  resized.observe(area);
  return {
    figure,
    destroy: () => {
      resized.disconnect();
      plot.destroy();
    },
  };
}

function optionsOf(figure, names, columns) {
  const style = getComputedStyle(figure);
  const colour = (name) => style.getPropertyValue(name).trim();
  const isLog = figure.dataset.scale === "log";
  const spell = speller();
  const font = `12px ${style.fontFamily}`;
  const axis = (label) => ({
    label,
    font,
    labelFont: font,
    stroke: colour("--ink-soft"),
    grid: { stroke: colour("--grid"), width: 1 },
    ticks: { stroke: colour("--rule"), width: 1 },
    values: (_plot, marks) => marks.map((mark) => (mark === null ? "" : spell(mark))),
  });
  return {
    legend: { live: true },
    cursor: { y: false },
    scales: { x: scaleOf(isLog, columns[0]), y: scaleOf(isLog, columns.slice(1).flat()) },
    axes: [axis(figure.dataset.x), { ...axis(figure.dataset.y), size: 58 }],
    series: [
      { label: figure.dataset.x, value: (_plot, value) => (value === null ? "" : spell(value)) },
      ...names.map((label, at) => seriesOf(label, LOOKS[at % LOOKS.length], columns[at + 1], colour, spell)),
    ],
  };
}

function scaleOf(isLog, values) {
  if (isLog) return { time: false, distr: 3, range: () => stepsAround(values) };
  return { time: false };
}

function seriesOf(label, { colour, dash }, values, colourOf, spell) {
  const stroke = colourOf(colour);
  const isSparse = values.filter((value) => value !== null).length <= FEW;
  return {
    label,
    stroke,
    dash,
    width: 2,
    spanGaps: true,
    points: { show: isSparse, size: 8, fill: colourOf("--sheet"), stroke },
    value: (_plot, value) => (value === null ? "" : spell(value)),
  };
}

function speller() {
  const format = new Intl.NumberFormat(document.documentElement.lang, { maximumSignificantDigits: 4 });
  return (value) => format.format(value);
}
