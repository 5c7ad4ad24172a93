// The page of a run: a button copies the block of text beside it, so that long texts stand in the page once.

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy-near]");
  if (button) button.dataset.copy = button.parentElement.querySelector("pre").textContent;
}, true); // before app.js looks for what is to be copied
