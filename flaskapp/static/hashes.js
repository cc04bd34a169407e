// Addresses and hashes are shown in brief; a press writes one out, and copies it where it may.
"use strict";

document.addEventListener("click", (event) => {
  const hash = event.target.closest("button.hash");
  if (!hash) return;
  hash.querySelector("code").textContent = hash.dataset.whole;
  hash.setAttribute("aria-expanded", "true");
  // Only a page of this very machine, or one over HTTPS, may write to the clipboard.
  navigator.clipboard?.writeText(hash.dataset.whole).catch(() => {});
});
