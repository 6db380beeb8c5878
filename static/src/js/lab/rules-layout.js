// Where everything of the drawing of kube-proxy's rules stands, in real pixels for the width there is: columns
// from the door to the pod, or one below the other, indented, when it is narrow.
const BOX = { height: 58, gap: 10 };
const COLUMN = { least: 152, most: 220, gap: 74, leastGap: 46 };
const NARROW = { indent: 14, width: 300 };

/** The column of each part; a refusal stands where an endpoint would. */
const PLACES = { door: 0, outside: 1, choice: 2, endpoint: 3, refusal: 3 };

/** `picture` is {spots: [{id, part}], lines: [{from, to}]}; boxes have x, y, width and height, lines points. */
export function layoutRules({ spots, lines }, width) {
  const columns = [...new Set(spots.map((spot) => PLACES[spot.part]))].sort();
  const columnOf = (spot) => columns.indexOf(PLACES[spot.part]);
  const isNarrow = width < columns.length * COLUMN.least + (columns.length - 1) * COLUMN.leastGap;
  const boxes = isNarrow ? below(spots, columnOf, width) : beside(spots, lines, columnOf, columns.length, width);
  const byId = new Map(boxes.map((box) => [box.id, box]));
  const drawn = lines
    .filter(({ from, to }) => byId.has(from) && byId.has(to))
    .map((line) => ({ ...line, ...wayOf(byId.get(line.from), byId.get(line.to), boxes, isNarrow) }));
  const lowest = [...boxes.map((box) => box.y + box.height), ...drawn.flatMap(({ points }) => points.map(([, y]) => y))];
  return { isNarrow, boxes, lines: drawn, height: Math.max(0, ...lowest) + 2 };
}

function below(spots, columnOf, width) {
  const sorted = spots.toSorted((one, other) => columnOf(one) - columnOf(other));
  return sorted.map((spot, at) => {
    const x = 1 + columnOf(spot) * NARROW.indent;
    return { ...spot, x, y: 1 + at * (BOX.height + BOX.gap), width: Math.min(NARROW.width, width - x - 1), height: BOX.height };
  });
}

function beside(spots, lines, columnOf, count, width) {
  const box = Math.min(COLUMN.most, (width - (count - 1) * COLUMN.gap) / count, COLUMN.most);
  const boxWidth = Math.max(COLUMN.least, box);
  const gap = count > 1 ? Math.min(COLUMN.gap * 1.6, (width - 2 - count * boxWidth) / (count - 1)) : 0;
  const placed = new Map();
  // From the endpoints back: each box stands in the middle of those it leads to.
  for (let column = count - 1; column >= 0; column--) {
    const own = spots.filter((spot) => columnOf(spot) === column);
    const wanted = own.map((spot, at) => ({ spot, y: middleOf(spot, lines, placed) ?? at * (BOX.height + BOX.gap) }));
    let free = 1;
    for (const { spot, y } of wanted.sort((one, other) => one.y - other.y)) {
      const top = Math.max(free, y);
      placed.set(spot.id, { ...spot, x: 1 + column * (boxWidth + gap), y: top, width: boxWidth, height: BOX.height });
      free = top + BOX.height + BOX.gap;
    }
  }
  return spots.map((spot) => placed.get(spot.id));
}

function middleOf(spot, lines, placed) {
  const tops = lines.filter(({ from, to }) => from === spot.id && placed.has(to)).map(({ to }) => placed.get(to).y);
  return tops.length ? tops.reduce((sum, y) => sum + y, 0) / tops.length : undefined;
}

/** The points of a line, and where its probability may be written; a narrow drawing has no room for that. */
function wayOf(from, to, boxes, isNarrow) {
  const [leaves, comes] = [middle(from), middle(to)];
  if (isNarrow) {
    const rail = from.x + NARROW.indent / 2;
    return { points: [[rail, from.y + from.height], [rail, comes], [to.x, comes]], label: null };
  }
  const [start, end] = [from.x + from.width, to.x];
  const between = boxes.filter((box) => box.x >= start && box.x + box.width <= end);
  const turn = Math.min(14, (end - start) / 4);
  const bend = start + turn;
  if (between.length) {
    const lane = laneOf(leaves, comes, between);
    return { points: [[start, leaves], [bend, leaves], [bend, lane], [end - turn, lane], [end - turn, comes], [end, comes]], label: null };
  }
  return { points: [[start, leaves], [bend, leaves], [bend, comes], [end, comes]], label: { x: (bend + end) / 2, y: comes - 5 } };
}

function middle(box) {
  return box.y + box.height / 2;
}

/** The height nearest to both ends at which a line passes the boxes between them without touching any. */
function laneOf(leaves, comes, between) {
  const edges = between.flatMap((box) => [box.y - BOX.gap / 2, box.y + box.height + BOX.gap / 2]);
  const isFree = (y) => y > 0 && between.every((box) => y < box.y - 2 || y > box.y + box.height + 2);
  const detour = (y) => Math.abs(y - leaves) + Math.abs(y - comes);
  return [leaves, comes, ...edges].filter(isFree).toSorted((one, other) => detour(one) - detour(other))[0];
}
