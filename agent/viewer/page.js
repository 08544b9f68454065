"use strict";
/* Says how long the debug view lasts, and which camera shows nothing. The pictures come by themselves. */
const OLD_S = 3;
const left = document.getElementById("left");
let isOver = false;

function tell(figure, ageS) {
  const name = figure.dataset.camera;
  const isLost = ageS === null || ageS === undefined || ageS > OLD_S;
  figure.classList.toggle("lost", isLost);
  const age = typeof ageS === "number" ? " for " + Math.round(ageS) + " s" : " yet";
  figure.querySelector("figcaption").textContent = isLost ? name + ": no picture" + age : "";
}

function begin() {
  for (const figure of document.querySelectorAll("figure")) {
    figure.querySelector("img").src = "/camera/" + figure.dataset.camera + "?" + Date.now();
  }
}

function forget() {
  /* The last picture of somebody does not stay on the screen, nor in the browser's memory. */
  for (const image of document.images) {
    image.removeAttribute("src");
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
    if (isOver) {
      begin();
    }
    isOver = false;
  } catch (error) {
    isOver = true;
    forget();
    left.textContent = "the debug view is over, or the agent is away";
  }
  document.body.classList.toggle("over", isOver);
  setTimeout(look, 1000);
}

look();
