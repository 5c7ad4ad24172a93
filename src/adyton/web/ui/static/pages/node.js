// The search of the settings answers while one types; without this the button does the same on the server.

const form = document.querySelector("[data-instant]");
if (form) {
  const list = document.querySelector(form.dataset.instant);
  const said = document.querySelector(form.dataset.said);
  const rows = [...list.querySelectorAll("li")].map((row) => ({ row, text: `${row.closest("section").querySelector("h2").textContent} ${row.textContent}`.toLowerCase() }));
  const show = () => {
    const words = form.elements.q.value.toLowerCase().split(/\s+/).filter(Boolean);
    const changed = form.elements.changed.checked;
    let count = 0;
    for (const { row, text } of rows) {
      row.hidden = !words.every((word) => text.includes(word)) || (changed && !("changed" in row.dataset));
      if (!row.hidden) count += 1;
    }
    for (const section of list.querySelectorAll("section")) section.hidden = !section.querySelector("li:not([hidden])");
    said.textContent = count ? `${count} of ${rows.length} settings` : "No setting fits.";
  };
  // A page that came with a search has only its matches; from all of them one can search on.
  if (!new URLSearchParams(location.search).get("q") && !form.elements.changed.defaultChecked) form.addEventListener("input", show);
}
