// The list of runs: times that somebody is about to type are those of the browser's zone, also on the first visit, when the
// server does not know it yet. Times that are there already stay in the zone in which they were written.

const form = document.querySelector("form.filters");
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const typed = [...form.querySelectorAll("input[type=datetime-local]")];
if (zone && typed.every((each) => !each.value)) {
  form.elements.tz.value = zone;
  document.querySelector("[data-filter-zone]").textContent = zone;
}
