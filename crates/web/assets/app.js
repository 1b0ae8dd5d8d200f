// Pages work without this. With it they follow what happens, and ask before removing.
"use strict";

const main = document.getElementById("main");

// A page that somebody is filling in is not swapped under their hands.
let touched = false;
main.addEventListener("input", () => { touched = true; });

async function refresh() {
  if (touched) return;
  const response = await fetch(location.href, { headers: { accept: "text/html", "duban-refresh": "1" } });
  // The session has ended: the page to sign in at takes its place.
  if (response.redirected) location.reload();
  if (!response.ok || response.redirected) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("main");
  if (!fresh || touched) return;
  const open = new Set([...main.querySelectorAll("details[open] > summary")].map((one) => one.textContent));
  for (const one of fresh.querySelectorAll("details")) {
    if (open.has(one.firstElementChild.textContent)) one.open = true;
  }
  main.replaceChildren(...fresh.childNodes);
}

if (main.dataset.live) {
  const live = new EventSource(main.dataset.live);
  live.addEventListener("change", refresh);
  addEventListener("pagehide", () => live.close());
}

document.addEventListener("submit", (event) => {
  const ask = event.submitter && event.submitter.dataset.confirm;
  if (ask && !confirm(ask)) event.preventDefault();
});
