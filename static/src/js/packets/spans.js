// Which field stands for a byte, and how a span is told.

/** The smallest of the fields {source, from, to} that has the byte; of equals the later, which is the inner one. */
export function fieldAt(fields, source, at) {
  const holding = fields.filter((field) => field.source === source && field.from <= at && at < field.to);
  return holding.reduce((best, field) => (!best || field.to - field.from <= best.to - best.from ? field : best), null);
}

/** Where an arrow key leads from a byte, in lines of 16; null for another key. */
export function byteAfter(key, at, size) {
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -16, ArrowDown: 16, Home: -at, End: size - 1 - at };
  if (!(key in steps)) return null;
  const to = at + steps[key];
  return to < 0 || to >= size ? at : to;
}
