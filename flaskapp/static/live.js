// Keeps the page as it is on the server: whatever changes is sent as it happens.
"use strict";

const JUMP_MS = 2500;
const live = document.getElementById("live");
const headline = document.getElementById("headline");
const written = {};
let ends = {};
let block = null;

function replacePart(name, html) {
  if (written[name] === html) return;
  written[name] = html;
  const part = document.getElementById(name);
  const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
  const open = [...part.querySelectorAll("details[open]")].map((details) => details.id);
  endCharts(part);
  part.innerHTML = html;
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (focused) document.getElementById(focused)?.focus();
  showLocalTimes(part);
  drawCharts(part);
}

function showPicture(picture) {
  for (const name of ["market", "agent", "log"]) replacePart(name, picture[name]);
  if (headline.textContent !== picture.headline) headline.textContent = picture.headline;
  showClocks();
}

function takeClocks({ block: newest, rounds }) {
  block = newest;
  const former = ends;
  ends = {};
  for (const [id, [left, total]] of Object.entries(rounds)) {
    const at = performance.now() + left * 1000;
    // The chain's clock goes in blocks: to follow each would make the bar jump.
    const steady = former[id] && Math.abs(former[id].at - at) < JUMP_MS;
    ends[id] = { at: steady ? former[id].at : at, total };
  }
  showClocks();
}

function inWords(seconds) {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours) return `${hours} h ${minutes % 60} min`;
  return minutes ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

function showClocks() {
  const place = document.getElementById("block");
  const height = block === null ? "" : `, block ${block.toLocaleString("en")}`;
  if (place && place.textContent !== height) place.textContent = height;
  for (const clock of live.querySelectorAll("[data-clock]")) {
    const end = ends[clock.dataset.clock];
    if (!end) continue;
    const left = Math.max(0, (end.at - performance.now()) / 1000);
    clock.querySelector("progress").max = end.total;
    clock.querySelector("progress").value = left;
    const text = inWords(Math.ceil(left));
    const shown = clock.querySelector(".left");
    if (shown.textContent !== text) shown.textContent = text;
  }
}

watchEvents(live.dataset.events, { picture: showPicture, clocks: takeClocks }, showTrouble);
setInterval(showClocks, 250);
