// What a form alone cannot do: copying, showing, saving a file, further rows, steps, the reader's own time zone. Without it every page works.
"use strict";

const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const byId = (id) => document.getElementById(id);

/** Times in the reader's zone, with UTC to hover over. */
function localTimes(within) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const language = document.documentElement.lang;
  for (const time of all("time[datetime]", within)) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    time.title = time.dateTime;
    const style = { dateStyle: "medium", timeStyle: "seconds" in time.dataset ? "medium" : "short" };
    time.textContent = new Intl.DateTimeFormat(language, style).format(at);
    if ("countdown" in time.dataset) countDown(time, at, language);
  }
  for (const note of all("[data-zone]", within)) note.textContent = zone;
}

/** How long it is until a moment, beside it. */
function countDown(time, at, language) {
  const left = document.createElement("small");
  time.after(" ", left);
  const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const tell = () => {
    const seconds = Math.max(0, Math.round((at - Date.now()) / 1000));
    const [unit, size] = units.find(([, size]) => seconds >= size) ?? units[3];
    left.textContent = new Intl.RelativeTimeFormat(language).format(Math.floor(seconds / size), unit);
    if (seconds > 0) setTimeout(tell, 1000);
  };
  tell();
}

/** A date that was picked is one of the reader's zone: the server is told its offset. */
function zonedDates() {
  for (const input of all("[data-zoned]")) {
    const offset = byId(input.dataset.zoned);
    const tell = () => {
      const minutes = -new Date(input.value).getTimezoneOffset();
      if (Number.isNaN(minutes)) return;
      const two = (n) => String(Math.floor(n)).padStart(2, "0");
      offset.value = `${minutes < 0 ? "-" : "+"}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
      const choice = input.form.querySelector('[name=expires][value="date"]');
      if (choice) choice.checked = true;
    };
    input.addEventListener("input", tell);
    if (input.value) tell();
  }
}

/** Buttons that copy, show and save what a field holds. */
function fieldButtons(within) {
  for (const button of all("[data-reveal]", within)) {
    const field = byId(button.dataset.reveal);
    button.hidden = false;
    button.addEventListener("click", () => {
      const shown = field.type === "password";
      field.type = shown ? "text" : "password";
      button.setAttribute("aria-pressed", String(shown));
    });
  }
  for (const button of all("[data-copy], [data-text]", within)) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      const from = byId(button.dataset.copy);
      await navigator.clipboard.writeText(button.dataset.text ?? from.value ?? from.textContent);
      const said = document.querySelector("[data-said]");
      if (said) said.textContent = document.body.dataset.copied;
      else button.textContent = document.body.dataset.copied;
    });
  }
  for (const button of all("[data-save]", within)) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([`${byId(button.dataset.save).value}\n`], { type: "application/octet-stream" }));
      link.download = button.dataset.file;
      link.click();
      URL.revokeObjectURL(link.href);
    });
  }
}

/** Whoever leaves a secret without having copied it is asked. */
function askBeforeLeaving() {
  const form = document.querySelector("[data-leaves]");
  if (!form) return;
  const ask = (event) => event.preventDefault();
  addEventListener("beforeunload", ask);
  form.addEventListener("submit", () => removeEventListener("beforeunload", ask));
}

/** A further row of a list, without a page in between. */
function furtherRows() {
  for (const button of all("[data-add]")) {
    button.addEventListener("click", (event) => {
      event.preventDefault();
      const list = button.closest("fieldset");
      const rows = list.querySelector("ol");
      if (rows.children.length >= Number(list.dataset.most)) return;
      const row = rows.lastElementChild.cloneNode(true);
      const number = rows.children.length;
      for (const input of all("input", row)) {
        input.name = input.name.replace(/\.\d+\./, `.${number}.`);
        const label = input.getAttribute("aria-label");
        input.setAttribute("aria-label", label.replace(/\d+$/, String(number + 1)));
        input.removeAttribute("aria-invalid");
        if (input.type === "checkbox") input.checked = true;
        else input.value = "";
      }
      rows.append(row);
      row.querySelector("input:not([type=checkbox])").focus();
    });
  }
}

/** A wizard shows one of its parts at a time. */
function wizard() {
  const form = document.querySelector('form[data-layout="wizard"]');
  if (!form) return;
  const parts = all(":scope > fieldset", form);
  const send = form.querySelector(".send");
  const steps = document.createElement("ol");
  steps.className = "steps";
  const names = [...parts.map((part) => part.querySelector("legend").textContent), form.dataset.review];
  steps.append(...names.map((name) => Object.assign(document.createElement("li"), { textContent: name })));
  form.prepend(steps);
  const review = document.createElement("section");
  review.className = "card";
  send.before(review);
  const button = (text) => Object.assign(document.createElement("button"), { type: "button", textContent: text });
  const back = button(form.dataset.back);
  const forth = button(form.dataset.forth);
  forth.className = "primary";
  const last = send.lastElementChild;
  last.before(back, forth);
  let at = Math.max(0, parts.findIndex((part) => part.querySelector(".error")));
  const show = (focus) => {
    parts.forEach((part, number) => { part.hidden = number !== at; });
    [...steps.children].forEach((step, number) => {
      if (number === at) step.setAttribute("aria-current", "step");
      else step.removeAttribute("aria-current");
    });
    const isLast = at === parts.length;
    review.hidden = last.hidden = !isLast;
    forth.hidden = isLast;
    back.hidden = at === 0;
    if (isLast) summary(form, parts, review);
    if (focus) (isLast ? last : parts[at].querySelector("input, select, textarea"))?.focus();
  };
  back.addEventListener("click", () => { at -= 1; show(true); });
  forth.addEventListener("click", () => {
    if (all("input, select, textarea", parts[at]).every((field) => field.reportValidity())) { at += 1; show(true); }
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.tagName !== "INPUT" || at === parts.length) return;
    event.preventDefault();
    forth.click();
  });
  show(false);
}

/** What was filled in, to be looked at before it is sent. */
function summary(form, parts, into) {
  const list = document.createElement("dl");
  for (const part of parts) {
    const chosen = all("input, select, textarea", part).filter((field) => (/radio|checkbox/.test(field.type) ? field.checked : field.value));
    const text = (field) => (field.closest("label") ? field.closest("label").firstChild.nextSibling.textContent.trim() : field.value);
    const term = Object.assign(document.createElement("dt"), { textContent: part.querySelector("legend").textContent });
    list.append(term, Object.assign(document.createElement("dd"), { textContent: chosen.map(text).join(" · ") || "–" }));
  }
  const title = Object.assign(document.createElement("h2"), { textContent: form.dataset.review });
  into.replaceChildren(title, list);
}

/** One box for all boxes of a page. */
function selectAll(within) {
  for (const box of all("[data-all]", within)) {
    box.hidden = false;
    const others = () => all(`input[name="${box.dataset.all}"]`, box.form);
    box.addEventListener("change", () => others().forEach((other) => { other.checked = box.checked; }));
  }
}

/** One menu at a time, closed by Escape and by a click elsewhere. */
function menus() {
  const close = (except) => all("details.menu[open]").filter((menu) => menu !== except).forEach((menu) => { menu.open = false; });
  document.addEventListener("click", (event) => close(event.target.closest("details.menu")));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = document.querySelector("details.menu[open]");
    close(null);
    open?.querySelector("summary").focus();
  });
}

/** Of what is too large for a form nothing is sent: the server would refuse it, and what was typed would be gone. A file may be larger than the rest. */
function measure() {
  for (const form of all("form[data-most]")) {
    const tell = (is) => { byId("too-large").hidden = !is; };
    const isLarger = (file) => (file.files[0]?.size ?? 0) > Number(form.dataset.mostFile);
    form.addEventListener("submit", (event) => {
      const fields = [...new FormData(form, event.submitter)].filter(([, value]) => typeof value === "string");
      const bytes = new Blob(fields.flat().map((text) => text.replaceAll(/\r?\n/g, "\r\n"))).size;
      const is = bytes > Number(form.dataset.most) || all("input[type=file]", form).some(isLarger);
      tell(is);
      if (is) { event.preventDefault(); byId("too-large").scrollIntoView({ block: "center" }); }
    });
    for (const file of all("input[type=file]", form)) {
      file.addEventListener("change", () => {
        const is = isLarger(file);
        tell(is);
        if (is) file.value = "";
      });
    }
  }
}

/** Whether the server answers a page that asks how far something is. */
function offline() {
  const tell = (is) => all("[data-offline]").forEach((note) => { note.hidden = !is; });
  for (const event of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) document.body.addEventListener(event, () => tell(true));
  document.body.addEventListener("htmx:beforeSwap", (event) => { if (event.detail.xhr.status < 400) tell(false); });
}

/** What a link holds behind `#` is no page's address: it is sent to nobody until the form is, and does not stay in the browser's history. */
function fragments() {
  for (const field of all("[data-fragment]")) {
    if (location.hash.length < 2) continue;
    field.value = location.hash.slice(1);
    history.replaceState(null, "", location.pathname);
  }
}

function begin(within) {
  localTimes(within);
  fieldButtons(within);
  selectAll(within);
}

begin(document);
zonedDates();
furtherRows();
wizard();
askBeforeLeaving();
measure();
offline();
fragments();
menus();
// On a narrow screen areas do not fit beside each other.
document.querySelector(".areas [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
for (const field of all("[data-submits]")) field.addEventListener("change", () => field.form.requestSubmit());
for (const link of all("[data-previous]")) link.addEventListener("click", (event) => { event.preventDefault(); history.back(); });
// A page that the browser kept may hold a secret.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
document.body.addEventListener("htmx:afterSwap", () => begin(byId("list") ?? byId("progress") ?? document));
