// The live drawing: what the cluster says about this session's pods, redrawn when it says something
// new, with the way of the packets while a command that names another pod is running.
import { make, makeSvg } from "../lib/elements.js";
import { word } from "../lib/words.js";
import { layoutTopology, wayBetween } from "./topology-layout.js";

export class Topology {
  constructor(lab) {
    this.drawing = document.querySelector("[data-topology]");
    this.rows = document.querySelector("[data-topology-rows]");
    this.url = lab.dataset.topologyUrl;
    this.flows = [];
    this.take(JSON.parse(document.getElementById("topology-now").textContent) ?? { nodes: [], pods: [] });
    new ResizeObserver(() => this.draw()).observe(this.drawing);
  }

  async refresh() {
    const answer = await fetch(this.url).catch(() => null);
    if (answer?.ok) this.take(await answer.json());
  }

  take(state) {
    this.state = state;
    this.draw();
    this.rows.replaceChildren(...state.pods.map(tableRow));
  }

  /** `running` is [{pod, command}]: a flow leads to the pod whose address the command names. */
  showFlows(running) {
    this.flows = running.map((step) => flowOf(step, this.state.pods)).filter(Boolean);
    this.draw();
  }

  draw() {
    const width = Math.floor(this.drawing.clientWidth);
    if (!width) return;
    if (!this.state.nodes.length) return this.drawing.replaceChildren(make("p", { class: "label" }, word("drawingWait")));
    const layout = layoutTopology(this.state, width);
    const size = { viewBox: `0 0 ${width} ${layout.height}`, width, height: layout.height };
    const title = makeSvg("title", { id: "drawing-title" }, word("drawing"));
    const parts = [...drawLinks(layout), ...layout.nodes.flatMap(drawNode), ...this.drawFlows(layout, "flow-under"), ...this.drawFlows(layout, "flow"), ...layout.nodes.flatMap(({ pods }) => pods.flatMap(drawPod))];
    this.drawing.replaceChildren(makeSvg("svg", { ...size, role: "img", "aria-labelledby": "drawing-title" }, title, ...parts));
  }

  drawFlows(layout, name) {
    return this.flows.flatMap(({ from, to, protocol }) => {
      const way = wayBetween(layout, from, to);
      return way ? [makeSvg("path", { class: `d-link d-${protocol} ${name}`, d: pathOf(way) })] : [];
    });
  }
}

export function flowOf({ pod, command }, pods) {
  const words = new Set(command.split(/[^\w.:]+/));
  const target = pods.find((other) => other.name !== pod && other.address && words.has(other.address));
  return target ? { from: pod, to: target.name, protocol: /\bping\b/.test(command) ? "icmp" : "tcp" } : null;
}

function pathOf(points) {
  return points.map(([x, y], at) => `${at ? "L" : "M"}${x} ${y}`).join(" ");
}

function drawLinks({ nodes, bus, isNarrow }) {
  const down = (node) => node.x + node.width / 2;
  const side = (node) => node.y + 22;
  if (!nodes.length) return [];
  const stems = isNarrow
    ? nodes.map((node) => `M${bus.x} ${side(node)} H${node.x}`)
    : nodes.map((node) => `M${down(node)} ${node.y + node.height} V${bus.y}`);
  const [first, last] = [nodes[0], nodes.at(-1)];
  const line = isNarrow ? `M${bus.x} ${side(first)} V${side(last)}` : `M${down(first)} ${bus.y} H${down(last)}`;
  return [makeSvg("path", { class: "d-link", d: [line, ...stems].join(" ") })];
}

function drawNode(node) {
  const { x, y, width, height } = node;
  return [
    makeSvg("rect", { class: "d-node", x: x + 1, y: y + 1, width: width - 2, height: height - 2, rx: 5 }),
    makeSvg("text", { class: "d-text d-strong topology-name", x: x + 12, y: y + 20 }, node.name),
    makeSvg("text", { class: "d-text d-mono d-muted topology-address", x: x + 12, y: y + 34 }, (node.pods.length ? [node.address, node.pod_cidr] : [node.address]).filter(Boolean).join("  ")),
  ];
}

function drawPod(pod) {
  const { x, y, width, height } = pod;
  const centre = { x: x + width / 2, "text-anchor": "middle" };
  return [
    makeSvg("rect", { class: podClass(pod), x, y, width, height, rx: height / 2 }),
    makeSvg("text", { class: "d-text topology-pod", ...centre, y: y + 18 }, pod.name),
    makeSvg("text", { class: "d-text d-mono d-muted topology-address", ...centre, y: y + 32 }, pod.ready ? pod.address : word("notReady")),
  ];
}

function podClass({ ready, background }) {
  return ["d-pod", background && "topology-background", !ready && "topology-waiting"].filter(Boolean).join(" ");
}

function tableRow(pod) {
  const ready = pod.ready ? word("ready") : `${word("notReady")} (${pod.phase})`;
  const state = pod.background ? `${ready}, ${word("background")}` : ready;
  const cells = [pod.address || word("noAddress"), pod.node || "", state].map((text) => make("td", {}, text));
  return make("tr", {}, make("th", { scope: "row" }, pod.name), ...cells);
}
