// What every page gains from scripts: local times, copying, the command palette, shortcuts, catching up after a lost connection.
// Each page is whole without this file.

const html = document.documentElement;
html.classList.add("scripted");

// --- times: the server writes them in the zone of this cookie; only the first visit has to be corrected here ---
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && html.dataset.zone !== undefined && html.dataset.zone !== zone) {
  document.cookie = `tz=${encodeURIComponent(zone)}; path=/; max-age=31536000; samesite=lax`;
  const two = (n) => String(n).padStart(2, "0");
  for (const each of document.querySelectorAll("time[data-style]")) {
    const at = new Date(each.dateTime);
    const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
    const clock = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
    const style = each.dataset.style;
    if (style !== "ago") each.textContent = style === "date" ? date : style === "clock" ? clock : `${date} ${clock}`;
  }
}

// --- copying ---
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await copy(button.dataset.copy);
  button.classList.add("copied");
  button.title = "Copied";
  setTimeout(() => { button.classList.remove("copied"); button.title = "Copy"; }, 1500);
});

async function copy(text) {
  // Browsers offer the clipboard to secure origins only; a node is often reached over plain http.
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

// --- what unfolds closes when one looks elsewhere ---
document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.drop[open], details.menu[open]")) {
    if (!open.contains(event.target) && !event.target.closest(".side")) open.open = false;
  }
});

// --- live: after a lost connection, or a history that is gone, the page shows itself anew ---
let connections = 0;
document.body.addEventListener("htmx:sse:after:connection", () => { if (connections++) caughtUp(); html.dataset.stream = "on"; });
document.body.addEventListener("htmx:sse:error", (event) => { html.dataset.stream = "off"; if (event.detail.status === 401) signIn(); });
document.body.addEventListener("reset", caughtUp);
function caughtUp() { window.htmx?.trigger(document.body, "caught-up"); }
// A stream that was refused or cut before it began is asked for again; a session that is over leads to the sign-in page and back.
document.body.addEventListener("htmx:response:error", (event) => event.detail.ctx.response.status === 401 ? signIn() : again(event));
document.body.addEventListener("htmx:error", again);
function again(event) {
  if (event.detail.ctx?.sourceElement !== document.body) return;
  html.dataset.stream = "off";
  setTimeout(() => window.htmx.trigger(document.body, "reconnect"), 2000 + 3000 * Math.random());
}
function signIn() { location.assign(`/signin?next=${encodeURIComponent(location.pathname + location.search)}`); }

// --- shortcuts and the command palette, from the menu's own links ---
const places = [...document.querySelectorAll(".side li a")].map((a) => ({ name: a.textContent.trim(), href: a.getAttribute("href"), key: a.dataset.key }));
const palette = document.getElementById("palette");
const help = document.getElementById("keys-help");
let leader = -Infinity;

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { event.preventDefault(); return openPalette(); }
  if (event.key === "Escape") for (const open of document.querySelectorAll("details.drop[open], details.menu[open]")) { open.open = false; open.querySelector("summary").focus(); }
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, [contenteditable], dialog")) return;
  const now = performance.now();
  if (now - leader < 1200) {
    leader = -Infinity;
    const place = places.find((each) => each.key === event.key);
    if (place) { event.preventDefault(); location.assign(place.href); }
  } else if (event.key === "g") leader = now;
  else if (event.key === "/") { event.preventDefault(); (document.querySelector(".filters input:not([type=hidden])") ?? openPalette())?.focus?.(); }
  else if (event.key === "?") showHelp();
});
document.querySelector("[data-palette]")?.addEventListener("click", openPalette);

function showHelp() {
  if (!help) return;
  const rows = places.filter((each) => each.key).map((each) => ["g " + each.key, each.name]);
  rows.push(["/", "Filter this list, or find a page"], ["Ctrl K", "Go to a page, or look something up"], ["?", "This help"]);
  help.replaceChildren(heading("Keyboard shortcuts"), list(rows));
  help.showModal();
}
function heading(text) { const made = document.createElement("h2"); made.textContent = text; return made; }
function list(rows) {
  const made = document.createElement("dl");
  for (const [keys, what] of rows) {
    const dt = document.createElement("dt"), dd = document.createElement("dd");
    for (const key of keys.split(" ")) { const kbd = document.createElement("kbd"); kbd.textContent = key; dt.append(kbd, " "); }
    dd.textContent = what;
    made.append(dt, dd);
  }
  return made;
}

function openPalette() {
  if (!palette || palette.open) return;
  const input = document.createElement("input");
  input.type = "search";
  input.placeholder = "A page, a run, a request, a transaction…";
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-expanded", "true");
  input.setAttribute("aria-controls", "palette-list");
  input.setAttribute("aria-label", "Page, run, request or transaction");
  const options = document.createElement("ul");
  options.id = "palette-list";
  options.setAttribute("role", "listbox");
  options.setAttribute("aria-label", "Matches");
  palette.replaceChildren(input, options);
  let found = [], at = 0;
  const show = () => {
    const text = input.value.trim().toLowerCase();
    found = places.filter((each) => each.name.toLowerCase().includes(text));
    if (input.value.trim()) found.push({ name: `Explain ${input.value.trim()}`, href: `/explain?what=${encodeURIComponent(input.value.trim())}`, key: "" });
    at = 0;
    draw();
  };
  const draw = () => {
    options.replaceChildren(...found.map((each, index) => {
      const li = document.createElement("li");
      li.id = `palette-${index}`;
      li.setAttribute("role", "option");
      li.setAttribute("aria-selected", String(index === at));
      li.append(each.name);
      if (each.key) { const small = document.createElement("small"); small.textContent = `g ${each.key}`; li.append(small); }
      li.addEventListener("click", () => location.assign(each.href));
      return li;
    }));
    input.setAttribute("aria-activedescendant", `palette-${at}`);
    options.children[at]?.scrollIntoView({ block: "nearest" });
  };
  input.addEventListener("input", show);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      at = (at + (event.key === "ArrowDown" ? 1 : -1) + found.length) % found.length;
      draw();
    } else if (event.key === "Enter" && found[at]) { event.preventDefault(); location.assign(found[at].href); }
  });
  show();
  palette.showModal();
  input.focus();
}
for (const dialog of [palette, help]) dialog?.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

// --- tables that are wider than the window can be scrolled by keyboard ---
function reachable() { for (const table of document.querySelectorAll(".table")) { if (table.scrollWidth > table.clientWidth) table.tabIndex = 0; else table.removeAttribute("tabindex"); } }
reachable();
addEventListener("resize", reachable);
document.body.addEventListener("htmx:after:swap", reachable);

// --- a form is sent once ---
document.addEventListener("submit", (event) => {
  if (event.target.method === "get" || event.defaultPrevented) return;
  if (event.target.dataset.sent) return event.preventDefault();
  event.target.dataset.sent = "yes";
  setTimeout(() => { delete event.target.dataset.sent; }, 10000);  // whoever stopped it may send it again
});
addEventListener("pageshow", () => { for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent; });

// htmx looks over the page as soon as it is there, which may be before its extension is.
window.htmx?.process(document.body);
