// Draws what the server has worked out; no rule of the market is in here.
"use strict";

// A canvas understands none of the style sheet's words: the browser says what colour they are.
const probe = document.createElement("span");
probe.hidden = true;
document.body.append(probe);

function colour(name) {
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
}

function axis(title) {
  return {
    beginAtZero: true,
    title: { display: true, text: title, color: colour("--soft") },
    ticks: { color: colour("--soft"), maxRotation: 0 },
    grid: { color: colour("--line") },
  };
}

function options(x, y, pointStyle, unit, title) {
  const label = ({ dataset, parsed }) => `${dataset.label}: ${parsed.y} ${unit}`;
  const labels = { color: colour("--text"), boxWidth: 28, usePointStyle: true, pointStyle };
  return {
    animation: false,
    maintainAspectRatio: false,
    interaction: { mode: "nearest", intersect: false },
    scales: { x, y },
    plugins: { legend: { position: "bottom", labels }, tooltip: { callbacks: { title, label } } },
  };
}

function line(label, data, colourName, more) {
  const drawn = colour(colourName);
  return { label, data, borderColor: drawn, backgroundColor: drawn, pointRadius: 0, borderWidth: 2, ...more };
}

function drawSupply(canvas) {
  const supply = JSON.parse(canvas.dataset.supply);
  const right = Math.max(supply.offered, supply.reduction) * 1.05;
  const datasets = [
    line("My bids", supply.mine, "--mine", { borderWidth: 6, order: 0 }),
    line("All bids", supply.all, "--all", { fill: "origin", backgroundColor: colour("--all-soft"), order: 2 }),
    line("Wanted", [{ x: supply.reduction, y: 0 }, { x: supply.reduction, y: supply.maximum }], "--wanted", { order: 1 }),
    line("Highest price", [{ x: 0, y: supply.maximum }, { x: right, y: supply.maximum }], "--soft", { borderDash: [6, 4], order: 3 }),
  ];
  const x = { type: "linear", ...axis("Energy offered up to this price (kWh)"), max: right };
  const y = { ...axis("Price (ETH/kWh)"), suggestedMax: supply.maximum * 1.05 };
  const title = ([point]) => (point ? `${point.parsed.x} kWh` : "");
  new Chart(canvas, { type: "line", data: { datasets }, options: options(x, y, "line", "ETH/kWh", title) });
}

function drawEarnings(canvas) {
  const earned = JSON.parse(canvas.dataset.earnings);
  const bars = (label, data, name) => ({ label, data, backgroundColor: colour(name), maxBarThickness: 48 });
  const data = {
    labels: earned.labels,
    datasets: [bars("Earned", earned.earned, "--mine"), bars("Gas", earned.gas, "--wanted")],
  };
  const x = { ...axis("Request"), stacked: true };
  const y = { ...axis("ETH"), stacked: true };
  const ended = (time) => (time ? `, ${new Date(time).toLocaleString()}` : "");
  const title = ([point]) => (point ? `Request ${point.label}${ended(earned.times[point.dataIndex])}` : "");
  new Chart(canvas, { type: "bar", data, options: options(x, y, "rect", "ETH", title) });
}

function drawCharts(root) {
  // The package is not installed: the tables have the same numbers.
  if (typeof Chart === "undefined") return;
  for (const canvas of root.querySelectorAll("canvas[data-supply]")) drawSupply(canvas);
  for (const canvas of root.querySelectorAll("canvas[data-earnings]")) drawEarnings(canvas);
}

function endCharts(root) {
  if (typeof Chart === "undefined") return;
  for (const canvas of root.querySelectorAll("canvas")) Chart.getChart(canvas)?.destroy();
}

drawCharts(document);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  endCharts(document);
  drawCharts(document);
});
