"use strict";
/* Says how long the debug view lasts, and which camera shows nothing. The pictures come by themselves. */
const OLD_S = 3;
const left = document.getElementById("left");
let failures = 0;

function tell(figure, ageS) {
  const name = figure.dataset.camera;
  const isLost = ageS === null || ageS === undefined || ageS > OLD_S;
  figure.classList.toggle("lost", isLost);
  const age = typeof ageS === "number" ? " for " + Math.round(ageS) + " s" : " yet";
  figure.querySelector("figcaption").textContent = isLost ? name + ": no picture" + age : "";
}

function restart() {
  /* The viewer was away: its streams have ended. */
  for (const image of document.images) {
    image.src = image.src.split("?")[0] + "?" + Date.now();
  }
}

function show(status) {
  const seconds = String(status.left_s % 60).padStart(2, "0");
  left.textContent = "ends by itself in " + Math.floor(status.left_s / 60) + ":" + seconds;
  for (const figure of document.querySelectorAll("figure")) {
    tell(figure, status.age_s[figure.dataset.camera]);
  }
}

async function look() {
  try {
    const answer = await fetch("/status");
    if (!answer.ok) {
      throw new Error(String(answer.status));
    }
    show(await answer.json());
    document.body.classList.remove("over");
    if (failures > 0) {
      restart();
    }
    failures = 0;
  } catch (error) {
    failures += 1;
    document.body.classList.add("over");
    left.textContent = "the debug view is over, or the agent is away";
  }
  setTimeout(look, 1000);
}

look();
