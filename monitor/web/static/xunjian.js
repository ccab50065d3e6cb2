"use strict";

// Copies the text of a field. Where the clipboard is out of reach (a plain-HTTP address other than this machine's),
// the text is selected for Ctrl+C instead.
async function copyText(button) {
  const field = document.getElementById(button.dataset.copy);
  const label = button.dataset.label || button.textContent;
  button.dataset.label = label;
  let copied = false;
  try {
    await navigator.clipboard.writeText(field.value);
    copied = true;
  } catch {
    const folded = field.closest("details");
    if (folded) folded.open = true;
    field.focus();
    field.select();
    copied = document.execCommand("copy");
  }
  button.textContent = copied ? button.dataset.done : button.dataset.byHand;
  button.classList.toggle("done", copied);
  setTimeout(() => {
    button.textContent = label;
    button.classList.remove("done");
  }, 2500);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-copy]");
  if (button) copyText(button);
});

// A refresh must not take away what the visitor is doing: a selected text, an opened list.
function isBusy(target) {
  const focused = document.activeElement;
  if (focused && target.contains(focused) && focused.matches("textarea, input")) return true;
  const selection = document.getSelection();
  return Boolean(selection && !selection.isCollapsed && target.contains(selection.anchorNode));
}

let opened = [];

document.addEventListener("htmx:beforeSwap", (event) => {
  const target = event.detail.target;
  if (event.detail.xhr.status === 200 && isBusy(target)) event.detail.shouldSwap = false;
  opened = Array.from(target.querySelectorAll("details[open]"), (details) => details.id);
});

document.addEventListener("htmx:afterSwap", () => {
  for (const id of opened) {
    const details = document.getElementById(id);
    if (details) details.open = true;
  }
});

function tellLost(lost) {
  document.getElementById("lost").hidden = !lost;
}

document.addEventListener("htmx:sendError", () => tellLost(true));
document.addEventListener("htmx:timeout", () => tellLost(true));
document.addEventListener("htmx:responseError", () => tellLost(true));
document.addEventListener("htmx:afterOnLoad", () => tellLost(false));

// The last 24 hours: what was out, drawn again at every step.
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function lines(section) {
  const names = ["offline", "impaired", "unknown"];
  return names.map((name) => ({ label: section.dataset[name], stroke: colour(`--${name}`), width: 1.5, spanGaps: false }));
}

function axes(siteTime) {
  const ink = colour("--muted");
  const grid = { stroke: colour("--line"), width: 1 };
  return [
    { stroke: ink, grid, ticks: grid, space: 60, values: (plot, ticks) => ticks.map((at) => clock(siteTime(at))) },
    { stroke: ink, grid, ticks: grid, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000] },
  ];
}

function clock(date) {
  return `${String(date.getHours()).padStart(2, "0")}:${String(date.getMinutes()).padStart(2, "0")}`;
}

function drawDay(section) {
  const zone = section.dataset.zone;
  const place = section.querySelector(".plot");
  const siteTime = (at) => uPlot.tzDate(new Date(at * 1000), zone);
  const options = {
    width: place.clientWidth,
    height: place.clientHeight,
    tzDate: siteTime,
    cursor: { drag: { setScale: false } },
    legend: { live: false },
    scales: {
      x: { range: (plot, first, last) => [Math.min(first, last - 600), last] },
      y: { range: (plot, low, high) => [0, Math.max(5, Math.ceil(high * 1.1))] },
    },
    axes: axes(siteTime),
    series: [{}, ...lines(section)],
  };
  const plot = new uPlot(options, [[], [], [], []], place);
  new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: place.clientHeight })).observe(place);
  const load = async () => {
    const answer = await fetch("/api/day.json").catch(() => null);
    if (!answer || !answer.ok) return;
    const day = await answer.json();
    plot.setData([day.at, day.offline, day.impaired, day.unknown]);
  };
  load();
  setInterval(load, Number(section.dataset.step) * 1000);
}

document.addEventListener("DOMContentLoaded", () => {
  const section = document.getElementById("day");
  if (section && window.uPlot) drawDay(section);
});
