// Hears of every change as it happens, as long as somebody looks at the page.
"use strict";

const AGAIN_MS = 3000;

function watchEvents(url, handlers, tell = () => {}) {
  let events = null;

  function open() {
    if (events || document.hidden) return;
    events = new EventSource(url);
    for (const [name, handle] of Object.entries(handlers)) {
      events.addEventListener(name, (event) => handle(JSON.parse(event.data)));
    }
    events.onopen = () => tell(true);
    events.onerror = () => {
      tell(false);
      // Only a connection that broke is taken up again by the browser itself.
      if (events?.readyState === EventSource.CLOSED) {
        close();
        setTimeout(open, AGAIN_MS);
      }
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
