// Draws the plots of the overview anew, with axes and what is under the pointer. The numbers are those of the table below them; pages
// without this file show still drawings.

const MARGIN = 56;
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const drawn = new Map();

const numbers = (name) => rows().map((row) => (row.dataset[name] === "" ? null : Number(row.dataset[name])));
const rows = () => [...document.querySelectorAll("#numbers tbody tr")];
const step = () => document.querySelector("#numbers tbody")?.dataset.step;
const times = () => rows().map((row) => Date.parse(row.dataset.at) / 1000);

function span(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds === 0) return "0";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds < 10 ? Number(seconds.toFixed(1)) : Math.round(seconds)} s`;
  return seconds < 3600 ? `${Math.round(seconds / 60)} min` : `${Number((seconds / 3600).toFixed(1))} h`;
}
const when = (at) => new Date(at * 1000).toLocaleString(undefined, step() === "day" ? { month: "short", day: "numeric" } : { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });

const bars = () => uPlot.paths.bars({ size: [0.75, 64], align: 1 });
const PLOTS = {
  // What is stacked on others is drawn first, up to the sum, and the others in front of it.
  outcomes: {
    data: () => {
      const [completed, errored, cancelled] = ["completed", "errored", "cancelled"].map(numbers);
      return [times(), completed.map((n, i) => n + errored[i] + cancelled[i]), completed.map((n, i) => n + errored[i]), completed];
    },
    series: () => ["--off", "--bad", "--good"].map((name) => ({ fill: colour(name), stroke: colour(name), width: 0, paths: bars(), points: { show: false } })),
    format: (n) => n.toLocaleString(),
    whole: true,
    read: (data, i) => `${data[3][i]} completed, ${data[2][i] - data[3][i]} errored${data[1][i] - data[2][i] ? `, ${data[1][i] - data[2][i]} cancelled` : ""}`,
  },
  latency: {
    data: () => [times(), numbers("p50"), numbers("p95")],
    series: () => [{ stroke: colour("--accent") }, { stroke: colour("--busy"), dash: [5, 3] }].map((each) => ({ ...each, width: 2, points: { show: true, size: 4 } })),
    format: span,
    read: (data, i) => (data[1][i] === null ? "no run completed" : `${span(data[1][i])}, ${span(data[2][i])}`),
  },
};

function options(place, plot) {
  const box = place.getBoundingClientRect();
  const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
  return {
    width: Math.max(120, Math.floor(box.width)),
    height: Math.floor(box.height),
    padding: [8, 20, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    scales: {
      x: { time: true, range: (u, low, high) => [low, high + (step() === "day" ? 86400 : 3600)] },
      y: { range: (u, low, high) => [0, high > 0 ? high * 1.05 : 1] },
    },
    axes: [
      { ...axis, size: 24, grid: { show: false }, space: 60, values: (u, at) => at.map((each) => (each === null ? "" : label(each))) },
      { ...axis, size: MARGIN, space: 32, incrs: plot.whole ? [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7] : undefined, values: (u, found) => found.map((each) => plot.format(each)) },
    ],
    series: [{}, ...plot.series()],
    hooks: { setCursor: [(u) => read(place, plot, u)] },
  };
}
const label = (at) => {
  const time = new Date(at * 1000);
  const two = (n) => String(n).padStart(2, "0");
  return step() === "day" ? `${two(time.getMonth() + 1)}-${two(time.getDate())}` : `${two(time.getHours())}:${two(time.getMinutes())}`;
};

function read(place, plot, u) {
  const line = place.closest(".plot")?.querySelector(".readout");
  if (!line) return;
  const i = u.cursor.idx;
  line.textContent = i === null || i === undefined || u.cursor.left < 0 ? "" : `${when(u.data[0][i])}: ${plot.read(u.data, i)}`;
}

function draw() {
  if (typeof uPlot === "undefined") return;
  for (const drawing of document.querySelectorAll("[data-plot]")) {
    const name = drawing.dataset.plot, place = drawing.querySelector(".canvas"), plot = PLOTS[name];
    drawn.get(name)?.destroy();
    drawn.delete(name);
    if (!some(plot)) continue;
    drawn.set(name, new uPlot(options(place, plot), plot.data(), place));
  }
}
const some = (plot) => plot.data().slice(1).some((values) => values.some((value) => value));
function refresh() {
  for (const [name, plot] of Object.entries(PLOTS)) {
    const chart = drawn.get(name);
    if (Boolean(chart) !== some(plot) || (chart && !chart.root.isConnected)) return draw();
    chart?.setData(plot.data());
  }
}

draw();
// After the page has shown itself anew, the numbers are others.
document.body.addEventListener("htmx:after:swap", refresh);
// The colours are those of the theme.
new MutationObserver(draw).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
let width = 0, waiting = 0;
new ResizeObserver(([entry]) => {
  if (Math.abs(entry.contentRect.width - width) < 2) return;
  if (width) { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(draw); }
  width = entry.contentRect.width;
}).observe(document.querySelector("#plots") ?? document.body);
