// Expirations count down; "all of it" fills the amount in. The pages are whole without this.

function span(seconds) {
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first < 0) return "0 s";
  const words = [];
  for (const [name, size] of units.slice(first, first + 2)) {
    const count = Math.floor(seconds / size);
    seconds -= count * size;
    if (count) words.push(`${count} ${name}`);
  }
  return words.join(" ");
}

function count() {
  for (const time of document.querySelectorAll(".countdown time")) {
    const left = Math.round((new Date(time.dateTime) - Date.now()) / 1000);
    const words = left > 0 ? `in ${span(left)}` : `${span(-left)} ago`;
    if (time.textContent !== words) time.textContent = words;
  }
}
count();
setInterval(count, 1000);

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-fill]");
  if (!button) return;
  event.preventDefault();
  document.getElementById(button.dataset.fill).value = button.dataset.value;
  const choice = button.closest("label")?.querySelector("input");
  if (choice) choice.checked = true;
});
