// The editor with scripts: numbers and colours behind the text area, a check while one types, a draft that outlives the page.
// htmx asks; here is only what must not go wrong around it: nothing that is shown may be about an older text.

const form = document.getElementById("editor");
const area = document.getElementById("spec");
const layer = form.querySelector(".layer");
const rows = document.createElement("div");
layer.append(rows);
const gutter = form.querySelector(".gutter");
const said = document.getElementById("said");
const COLOURED = 100_000, LINES = 5_000;
const limit = Number(form.dataset.limit);
const bytes = (text) => new TextEncoder().encode(text).length;

// --- numbers, colours, marks: one element a line; only lines that changed are made anew ---
const TOKEN = /("(?:[^"\\]|\\.)*"?)(\s*:)?|-?\d[\d.eE+-]*|\b(?:true|false|null)\b/g;
let lines = [];
let marks = new Map();

function painted(text) {
  const row = document.createElement("div");
  let at = 0;
  const put = (words, kind) => { const span = document.createElement("span"); span.className = kind; span.textContent = words; row.append(span); };
  for (const found of text.matchAll(TOKEN)) {
    row.append(text.slice(at, found.index));
    if (found[1]) { put(found[1], found[2] ? "k" : "s"); row.append(found[2] ?? ""); }
    else put(found[0], /^[-\d]/.test(found[0]) ? "n" : "w");
    at = found.index + found[0].length;
  }
  row.append(text.slice(at));
  return row;
}

function draw() {
  const now = area.value.split("\n");
  const small = area.value.length <= COLOURED && now.length <= LINES;
  area.classList.toggle("painted", small);
  layer.hidden = !small;
  if (small) {
    let same = 0;
    while (same < now.length && same < lines.length && now[same] === lines[same]) same++;
    let tail = 0;
    while (tail < now.length - same && tail < lines.length - same && now[now.length - 1 - tail] === lines[lines.length - 1 - tail]) tail++;
    const before = rows.children[lines.length - tail] ?? null;
    for (let n = same; n < lines.length - tail; n++) rows.children[same].remove();
    const made = document.createDocumentFragment();
    for (let n = same; n < now.length - tail; n++) made.append(painted(now[n]));
    rows.insertBefore(made, before);
    lines = now;
  }
  const shown = Math.min(now.length, LINES);
  while (gutter.children.length > shown) gutter.lastElementChild.remove();
  while (gutter.children.length < shown) { const row = document.createElement("div"); row.textContent = String(gutter.children.length + 1); gutter.append(row); }
  if (!CSS.supports("field-sizing", "content")) area.rows = Math.max(now.length + 1, 14);
  aside();
}

function mark() {
  for (const [line] of marks) for (const row of [gutter.children[line - 1], rows.children[line - 1]]) row?.classList.remove("bad", "warning");
  marks = new Map();
  for (const each of document.querySelectorAll("#check .findings li[data-line]")) {
    const kind = each.closest(".warning") ? "warning" : "bad", line = Number(each.dataset.line);
    if (marks.get(line) !== "bad") marks.set(line, kind);
  }
  for (const [line, kind] of marks) for (const row of [gutter.children[line - 1], rows.children[line - 1]]) row?.classList.add(kind);
}

function unmark() {
  for (const [line] of marks) for (const row of [gutter.children[line - 1], rows.children[line - 1]]) row?.classList.remove("bad", "warning");
  marks = new Map();
}

// The layer goes sideways with the text.
function aside() { layer.scrollLeft = area.scrollLeft; }
area.addEventListener("scroll", aside);

// --- the check: what is there is about this very text, or is said to be old ---
let asked = null;

function stale(words) {
  const check = document.getElementById("check");
  check.classList.add("stale");
  check.setAttribute("aria-busy", "true");
  const verdict = check.querySelector("[data-verdict]");
  verdict.textContent = words;
  verdict.className = "verdict muted";
}
function say(words) { if (said.textContent !== words) said.textContent = words; }
function verdict() { return document.querySelector("#check [data-verdict]").textContent.trim(); }

area.addEventListener("input", () => {
  area.dispatchEvent(new Event("htmx:abort"));
  unmark();
  draw();
  stale("Checking…");
});
area.addEventListener("htmx:before:request", (event) => {
  const size = bytes(area.value);
  if (size > limit) {
    event.preventDefault();
    stale(`It has ${size.toLocaleString("en")} bytes, and the node takes ${limit.toLocaleString("en")} at most (DEFAULT_HTTP_LIMIT): not checked.`);
    document.getElementById("check").removeAttribute("aria-busy");
    say(verdict());
    return;
  }
  asked = area.value;
});
area.addEventListener("htmx:before:swap", (event) => { if (asked !== area.value) event.preventDefault(); });
area.addEventListener("htmx:after:swap", () => {
  const check = document.getElementById("check");
  const wrong = check.dataset.state === "wrong";
  area.toggleAttribute("aria-invalid", wrong);
  if (wrong) area.setAttribute("aria-invalid", "true");
  mark();
  say(verdict());
});
for (const kind of ["htmx:response:error", "htmx:error"]) area.addEventListener(kind, (event) => {
  const status = event.detail.ctx?.response?.status;
  stale(status === 429 ? "Too many requests: not checked. Type on in a minute, or press Check." : "The node does not answer: not checked. Press Check to try again.");
  document.getElementById("check").removeAttribute("aria-busy");
  say(verdict());
});

// --- from a fault to its line ---
form.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-line]");
  if (!link) return;
  event.preventDefault();
  const now = area.value.split("\n"), line = Math.min(Number(link.dataset.line), now.length);
  const start = now.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  area.focus({ preventScroll: true });
  area.setSelectionRange(start + Math.min(Number(link.dataset.column) - 1, now[line - 1].length), start + now[line - 1].length);
  area.scrollLeft = 0;
  (gutter.children[line - 1] ?? area).scrollIntoView({ block: "center" });
});

// --- typing: a new line is as far in as the one before; what is inserted can be undone ---
area.addEventListener("beforeinput", (event) => {
  if (event.inputType !== "insertLineBreak" && event.inputType !== "insertParagraph") return;
  const before = area.value.slice(0, area.selectionStart), line = before.slice(before.lastIndexOf("\n") + 1);
  const indent = line.match(/^[ \t]*/)[0] + (/[{[]\s*$/.test(line) ? "  " : "");
  if (!indent) return;
  event.preventDefault();
  insert(`\n${indent}`);
});
function insert(text) {
  area.focus();
  // The one way that keeps the list of what can be undone.
  if (!document.execCommand("insertText", false, text)) { area.setRangeText(text, area.selectionStart, area.selectionEnd, "end"); area.dispatchEvent(new InputEvent("input", { bubbles: true })); }
}
form.addEventListener("click", (event) => {
  const button = event.target.closest("[data-insert]");
  if (button) insert(button.dataset.insert);
});

// --- a draft: kept in this tab until it is saved, offered again where another text stands ---
const KEY = "adyton-job-draft";
const store = {
  get() { try { return JSON.parse(sessionStorage.getItem(KEY)); } catch { return null; } },
  set(draft) { try { sessionStorage.setItem(KEY, JSON.stringify(draft)); } catch { /* full, or not allowed */ } },
  drop() { try { sessionStorage.removeItem(KEY); } catch { /* not allowed */ } },
};
const offer = document.getElementById("draft");
let draft = store.get();
const returned = document.referrer.includes("/signin");
if (draft && draft.text.trim() && draft.text !== area.value && (!draft.sent || returned) && form.dataset.sentBefore === undefined) {
  const at = new Date(draft.at);
  offer.querySelector("[data-draft-time]").textContent = `at ${String(at.getHours()).padStart(2, "0")}:${String(at.getMinutes()).padStart(2, "0")}`;
  offer.hidden = false;
}
offer.querySelector("[data-draft-take]").addEventListener("click", () => {
  area.focus();
  area.select();
  insert(draft.text);
  offer.hidden = true;
});
offer.querySelector("[data-draft-drop]").addEventListener("click", () => {
  offer.hidden = true;
  if (store.get()?.text === draft.text) store.drop();
  area.focus();
});
let waiting = 0;
area.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(keep, 300); });
function keep() { if (bytes(area.value) <= 1_000_000) store.set({ text: area.value, at: Date.now() }); }
form.addEventListener("submit", (event) => {
  clearTimeout(waiting);
  if (bytes(area.value) > limit) {
    // The node would refuse it unread, and the page would be gone.
    event.preventDefault();
    delete form.dataset.sent;
    area.focus();
    return say(`${verdict()}`);
  }
  store.set({ text: area.value, at: Date.now(), sent: event.submitter?.value === "save" || event.submitter?.value === "apply" });
});
if (form.dataset.sentBefore !== undefined) keep();

// --- trying: one at a time; it may be stopped; what stood there is old as soon as another begins ---
const button = document.getElementById("try-button");
const stop = document.getElementById("try-stop");
const trying = document.getElementById("try-said");
button.addEventListener("htmx:before:request", (event) => {
  if (bytes(area.value) > limit) { event.preventDefault(); trying.textContent = "The text is too long to be tried."; return; }
  document.getElementById("trial").classList.add("stale");
  trying.textContent = "Trying…";
  stop.hidden = false;
});
button.addEventListener("htmx:finally:request", () => { stop.hidden = true; if (trying.textContent === "Trying…") trying.textContent = ""; });
button.addEventListener("htmx:after:swap", () => { say(document.getElementById("trial").dataset.said); });
for (const kind of ["htmx:response:error", "htmx:error"]) button.addEventListener(kind, () => { trying.textContent = "The node does not answer: nothing was tried."; });
stop.addEventListener("click", () => { button.dispatchEvent(new Event("htmx:abort")); trying.textContent = "Stopped."; button.focus(); });
area.addEventListener("input", () => document.getElementById("trial").classList.add("stale"));

draw();
mark();
