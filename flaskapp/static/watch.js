// Hears of every change as it happens, as long as somebody looks at the page.
"use strict";

const AGAIN_MS = 3000;

const trouble = document.getElementById("trouble");

// Says what keeps the page from being told: "" for nothing, or else "lost", "full" or "out".
function showTrouble(name, mayLeave = true) {
  if (name === "out" && mayLeave) location.assign(trouble.dataset.login);
  for (const notice of trouble.querySelectorAll("[data-trouble]")) {
    notice.hidden = notice.dataset.trouble !== name;
  }
}

// Whoever has logged in again goes on in a page that was opened before.
function takeToken({ data }) {
  const { csrf } = JSON.parse(data);
  document.querySelector("meta[name=csrf-token]").content = csrf;
  for (const input of document.querySelectorAll("input[name=csrf_token]")) input.value = csrf;
}

// The browser does not say why it was not let watch: the answer to another question does.
async function whyNot(url) {
  try {
    const { status } = await fetch(url, { method: "HEAD" });
    return { 401: "out", 503: "full" }[status] ?? (status < 300 ? "" : "lost");
  } catch {
    return "lost";
  }
}

function watchEvents(url, handlers, tell) {
  let events = null;

  function open() {
    if (events || document.hidden) return;
    const mine = new EventSource(url);
    events = mine;
    for (const [name, handle] of Object.entries(handlers)) {
      mine.addEventListener(name, (event) => handle(JSON.parse(event.data)));
    }
    mine.addEventListener("picture", takeToken);
    mine.onopen = () => tell("");
    mine.onerror = async () => {
      // Only a connection that broke is taken up again by the browser itself.
      const over = mine.readyState === EventSource.CLOSED;
      const why = over ? await whyNot(url) : "lost";
      if (events !== mine || mine.readyState === EventSource.OPEN) return;
      if (why) tell(why);
      if (!over) return;
      close();
      setTimeout(open, AGAIN_MS);
    };
  }

  function close() {
    events?.close();
    events = null;
  }

  // A browser has few connections for all windows of a page together.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
}
