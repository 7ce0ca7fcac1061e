// Comfort only: every page works without this file.
document.addEventListener("submit", (event) => {
  // A second click on a slow day must not look like a second order; the door is safe to repeat anyway.
  const button = event.submitter;
  if (button && event.target.method === "post") {
    window.setTimeout(() => { button.disabled = true; }, 0);
    window.setTimeout(() => { button.disabled = false; }, 5000);
  }
});
document.addEventListener("change", (event) => {
  // Another file chosen after a refusal: the SHA-256 kept from the first one is not this one's.
  const { form, name, type } = event.target;
  const typed = type === "file" && name.endsWith("-file") && form?.elements[name.slice(0, -5)];
  if (typed && typed.value === typed.defaultValue) { typed.value = ""; }
});
document.addEventListener("click", (event) => {
  if (event.target.matches("[data-print]")) { window.print(); }
});
