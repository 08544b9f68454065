"use strict";
// Shows what the server says, and says so when the server says nothing.

const SILENCE_MS = 3000; // the server speaks every second
const ARM_MS = 400; // a tap that was meant for what stood here before must not count
const ANSWER_MS = 4000; // longest wait for a tap to show
// Function keys: a barcode scanner that plays a keyboard types digits, letters and Enter.
const KEYS = { F2: "id_checked", F4: "id_refused" };

const body = document.body;
const place = Object.fromEntries(
  ["tag", "headline", "reason", "detail", "note", "buttons", "id_checked", "id_refused"].map(
    (id) => [id, document.getElementById(id)],
  ),
);
const buttons = [place.id_checked, place.id_refused];
let source = null;
let heardAt = -Infinity;
let shown = "";
let eventId = "";
let armTimer = 0;
let answerTimer = 0;

function show(screen) {
  const text = JSON.stringify(screen);
  if (text === shown) return;
  shown = text;
  clearTimeout(answerTimer);
  for (const name of ["tag", "headline", "reason", "detail", "note"]) {
    place[name].textContent = screen[name];
  }
  body.dataset.kind = screen.kind;
  place.buttons.hidden = !screen.event_id;
  if (screen.event_id !== eventId || !screen.event_id) {
    eventId = screen.event_id;
    disarm();
    if (eventId) armTimer = setTimeout(arm, ARM_MS);
  } else {
    arm();
  }
}

function showLost(reason) {
  show({
    kind: "fault", event_id: "", headline: body.dataset.headline, reason,
    detail: "", tag: "", note: "",
  });
}

function arm() {
  for (const button of buttons) button.disabled = false;
}

function disarm() {
  clearTimeout(armTimer);
  for (const button of buttons) {
    button.disabled = true;
    button.blur(); // or a scanner's Enter would press it
  }
}

async function tap(action) {
  if (place[action].disabled || !eventId) return;
  if (body.dataset.kind === "refused" && action === "id_refused") return;
  const about = eventId;
  disarm();
  clearTimeout(answerTimer);
  answerTimer = setTimeout(() => notSent(about), ANSWER_MS);
  try {
    const answer = await fetch("tap", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ event_id: about, action }),
    });
    if (!answer.ok && answer.status !== 409) notSent(about);
  } catch {
    notSent(about);
  }
}

function notSent(about) {
  if (about !== eventId) return;
  clearTimeout(answerTimer);
  place.note.textContent = body.dataset.notSent;
  shown = "";
  arm();
}

function listen() {
  source = new EventSource(`screens?lang=${document.documentElement.lang}`);
  source.addEventListener("screen", (event) => {
    heardAt = performance.now();
    show(JSON.parse(event.data));
  });
  source.addEventListener("error", () => {
    if (heardAt > -Infinity) showLost(body.dataset.lost);
  });
}

function watch() {
  if (performance.now() - heardAt > SILENCE_MS) {
    showLost(heardAt > -Infinity ? body.dataset.lost : body.dataset.connecting);
  }
  // After an answer that is no stream (the server is full, or gone for good) it does not retry.
  if (source.readyState === EventSource.CLOSED) listen();
}

for (const button of buttons) button.addEventListener("click", () => tap(button.id));
document.addEventListener("keydown", (event) => {
  const action = KEYS[event.key];
  if (!action || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  tap(action);
});
listen();
setInterval(watch, 1000);
