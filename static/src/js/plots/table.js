// A plot's data, as its table holds it: a column of x, and one for each line with gaps where it has no value.

/** `rows` are arrays of texts, x first, "" for a gap; the result is what uPlot takes. */
export function columnsOf(rows, lines) {
  const columns = Array.from({ length: lines + 1 }, () => []);
  for (const row of rows) columns.forEach((column, at) => column.push(row[at] ? Number(row[at]) : null));
  return columns;
}

/** The lowest and highest of some values on a logarithmic axis: whole steps of 1, 2 and 5 around them. */
export function stepsAround(values) {
  const known = values.filter((value) => value > 0);
  return known.length ? [stepBelow(Math.min(...known)), stepAbove(Math.max(...known))] : [1, 10];
}

const STEPS = [1, 2, 5, 10];

function stepBelow(value) {
  const ten = 10 ** Math.floor(Math.log10(value));
  return ten * STEPS.findLast((step) => step * ten <= value * 1.000001);
}

function stepAbove(value) {
  const ten = 10 ** Math.floor(Math.log10(value));
  return ten * STEPS.find((step) => step * ten >= value * 0.999999);
}
