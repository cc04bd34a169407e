// Says how far the look for missed requests has come, and when there is more to show.
"use strict";

const progress = document.getElementById("progress");
const newer = document.getElementById("newer");
let told = "";

watchEvents(progress.dataset.events, {
  picture: (picture) => {
    if (told !== picture.progress) progress.innerHTML = picture.progress;
    told = picture.progress;
    progress.hidden = !told;
    // Not while it is still being looked for: that would be news every second.
    newer.hidden = Boolean(told) || picture.ended === Number(newer.dataset.ended);
  },
}, showTrouble);
