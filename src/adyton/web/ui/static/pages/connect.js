// What the pages of bridges and keys gain from scripts; each is whole without.

// A key file is read into its field: it goes to the node as pasted text does.
for (const input of document.querySelectorAll("input[type=file][data-fills]")) {
  input.addEventListener("change", async () => {
    const [file] = input.files;
    if (file) document.getElementById(input.dataset.fills).value = await file.text();
    input.value = "";
  });
}

// A form whose answer is a file leaves its page as it is, so it may be sent again; nothing that was typed stays.
document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-again]");
  if (!form) return;
  setTimeout(() => { delete form.dataset.sent; for (const each of form.querySelectorAll("[type=password]")) each.value = ""; }, 1500);
});

// Who waits for an answer sees that something is done.
document.addEventListener("submit", (event) => {
  const button = event.target.matches("form[data-busy]") && event.target.querySelector("button.primary");
  if (!button) return;
  button.dataset.said = button.textContent;
  button.textContent = event.target.dataset.busy;
  button.setAttribute("aria-busy", "true");
});
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("[data-said]")) {
    button.textContent = button.dataset.said;
    button.removeAttribute("data-said");
    button.removeAttribute("aria-busy");
  }
});

// JSON is checked while one types.
for (const area of document.querySelectorAll("textarea[data-json]")) {
  area.addEventListener("input", () => {
    let fault = "";
    try { if (area.value.trim()) JSON.parse(area.value); } catch (error) { fault = `This is not JSON: ${error.message}`; }
    area.setCustomValidity(fault);
    if (fault) area.setAttribute("aria-invalid", "true");
    else area.removeAttribute("aria-invalid");
  });
}
