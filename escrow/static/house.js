// Comfort only: every page works without this file.
document.addEventListener("submit", (event) => {
  // A second click on a slow day must not look like a second order; the door is safe to repeat anyway.
  const button = event.submitter;
  if (button && event.target.method === "post") {
    window.setTimeout(() => { button.disabled = true; }, 0);
    window.setTimeout(() => { button.disabled = false; }, 5000);
  }
});
document.addEventListener("click", (event) => {
  if (event.target.matches("[data-print]")) { window.print(); }
});
