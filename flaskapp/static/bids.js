// Rows come and go, and the server says at every pause in typing what is wrong with them.
"use strict";

const PAUSE_MS = 250;
const form = document.getElementById("bids");
const rows = document.getElementById("rows");
const blank = document.getElementById("blank-row");
const total = document.getElementById("total");
const token = document.querySelector("meta[name=csrf-token]");
let next = rows.children.length;
let waiting = 0;
let asked = 0;
let changed = false;

function number() {
  [...rows.children].forEach((row, index) => {
    for (const place of row.querySelectorAll("[data-number]")) place.textContent = index + 1;
  });
}

function field(row, name) {
  return row.querySelector(`[data-field=${name}]`);
}

function typed(row) {
  return { device: field(row, "device").value, energy: field(row, "energy").value, price: field(row, "price").value };
}

function showProblem(row, name, problem) {
  const input = field(row, name);
  // Nobody wants to hear about a field that they have not come to yet.
  const text = input.dataset.met || input.getAttribute("aria-invalid") ? problem : "";
  row.querySelector(`[data-problem=${name}]`).textContent = text;
  if (text) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

function show(list, answer) {
  list.forEach((row, index) => {
    const { problems, earns } = answer.rows[index];
    for (const name of ["device", "energy", "price"]) showProblem(row, name, problems[name] ?? "");
    row.querySelector("[data-earns]").textContent = earns;
  });
  total.textContent = [answer.total, list.length ? answer.problem : ""].filter(Boolean).join(". ");
}

async function check() {
  const mine = ++asked;
  const list = [...rows.children];
  try {
    const answer = await fetch(form.dataset.check, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": token.content },
      body: JSON.stringify({ rows: list.map(typed) }),
    });
    if (answer.ok && mine === asked) show(list, await answer.json());
  } catch {
    // Saving checks everything once more, and says so if the server is away.
  }
}

function checkSoon() {
  changed = true;
  clearTimeout(waiting);
  waiting = setTimeout(check, PAUSE_MS);
}

function add() {
  const row = blank.content.firstElementChild.cloneNode(true);
  for (const element of row.querySelectorAll("*")) {
    for (const name of ["id", "name", "for", "value", "aria-describedby"]) {
      const written = element.getAttribute(name);
      if (written) element.setAttribute(name, written.replace("rows-N-", `rows-${next}-`).replace("remove-N", `remove-${next}`));
    }
  }
  next += 1;
  rows.append(row);
  number();
  field(row, "device").focus();
}

function remove(row) {
  const neighbour = row.nextElementSibling ?? row.previousElementSibling;
  row.remove();
  if (!rows.children.length) add();
  else field(neighbour, "device").focus();
  number();
  checkSoon();
}

rows.addEventListener("input", (event) => {
  event.target.dataset.met = "yes";
  checkSoon();
});
rows.addEventListener("focusout", (event) => {
  if (event.target.value) event.target.dataset.met = "yes";
});
form.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if ("add" in button.dataset) {
    event.preventDefault();
    add();
  } else if ("remove" in button.dataset) {
    event.preventDefault();
    remove(button.closest("[data-row]"));
  }
});
form.addEventListener("submit", () => { changed = false; });
addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });

// What was typed before all this was loaded counts, too.
if ([...rows.querySelectorAll("input")].some((input) => input.value !== input.defaultValue)) checkSoon();

const firstWrong = form.querySelector("[aria-invalid]");
if (firstWrong) firstWrong.focus();

watchEvents(form.dataset.events, {
  picture: ({ bids_version: version }) => {
    document.getElementById("stale").hidden = version === form.elements.version.value;
  },
  // Whoever is in the middle of typing stays here.
}, (name) => showTrouble(name, !changed));
