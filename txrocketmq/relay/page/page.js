// Keeps the status page up to date. It asks /v1/status once a second; all texts come
// from there, so that nothing is written in two ways.
"use strict";

const PAUSE = 1000; // ms between an answer and the next question
const PAUSE_HIDDEN = 10000; // while nobody looks
const PATIENCE = 4000; // ms an answer may take
const STALE = 4500; // ms without an answer until the figures count as old
const LENGTH = 300; // most points of a plot
const SHORT = 60; // and what a new one has room for
const FAILURES = 10; // most lines of them
const WIDTH = 300;
const HEIGHT = 40;
const SVG = "http://www.w3.org/2000/svg";

const byId = (id) => document.getElementById(id);
const root = document.documentElement;

let known = 0; // the number of the last point of the history
let startedAt = null;
let answeredAt = null; // by performance.now(), which nobody sets
let answeredTime = "";
let columns = {};
let timer = null;
let asking = false;

// Changes a text only where it is another, so that nothing is announced twice.
function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function make(name, text, attributes = {}) {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function span(name, text) {
  return make("span", text, { class: name });
}

// Makes rows of items, and touches the page only if they are others than before.
function fill(list, items, row, nothing, most = Infinity) {
  const rows = items.slice(0, most).map(row);
  const more = items.length > most ? `${items.length - most} more in /v1/status` : "";
  const last = more || (items.length ? "" : nothing);
  if (last) rows.push(make("li", last, { class: "empty" }));
  const made = make(list.tagName);
  made.append(...rows);
  if (made.innerHTML !== list.innerHTML) list.replaceChildren(...rows);
}

function line(each) {
  return make("li", each.text, { "data-level": each.level });
}

function broker(each) {
  const row = make("li", undefined, { "data-state": each.state });
  row.append(make("b", each.brokerName), " ", span("address", each.address), " ",
    span("state", each.state), " ", span("words", each.words));
  return row;
}

function ago(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s ago`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${minutes % 60} min ago`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h ago`;
}

function failure(now) {
  return (each) => {
    const row = make("li", undefined, { class: each.kind });
    row.append(span("when", ago(Math.max(0, now - each.last))), " ", each.words);
    return row;
  };
}

// The lines of a plot: a path for each column, with gaps where there is no value.
function path(values, top, room) {
  let drawn = "", open = false;
  values.forEach((value, index) => {
    if (value === null) { open = false; return; }
    const x = (room - values.length + index) * WIDTH / (room - 1);
    const y = HEIGHT - value / top * HEIGHT;
    drawn += `${open ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    if (!open && values[index + 1] === null) drawn += "h2";
    open = true;
  });
  return drawn;
}

function area(values, top, room) {
  if (!values.length || values.includes(null)) return "";
  const first = (room - values.length) * WIDTH / (room - 1);
  return `${path(values, top, room)}L${WIDTH} ${HEIGHT}L${first.toFixed(1)} ${HEIGHT}Z`;
}

function draw(svg) {
  const names = svg.dataset.columns.split(" ");
  const all = names.map((name) => columns[name] || []);
  const room = Math.max(SHORT, all[0].length);
  const top = Math.max(...all.flat().filter((value) => value !== null), 0) || 1;
  if (!svg.firstChild) {
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute("preserveAspectRatio", "none");
    for (const name of ["floor", "area", ...names.map((_, index) => `column${index + 1}`)]) {
      const element = document.createElementNS(SVG, "path");
      element.setAttribute("class", name);
      svg.append(element);
    }
  }
  const [floor, under, ...lines] = svg.children;
  floor.setAttribute("d", `M0 ${HEIGHT}H${WIDTH}`);
  under.setAttribute("d", names.length === 1 ? area(all[0], top, room) : "");
  lines.forEach((element, index) => element.setAttribute("d", path(all[index], top, room)));
}

function remember(history) {
  known = history.number;
  for (const [name, values] of Object.entries(history)) {
    if (Array.isArray(values)) columns[name] = [...(columns[name] || []), ...values].slice(-LENGTH);
  }
}

function show(status) {
  if (status.startedAt !== startedAt) columns = {};
  startedAt = status.startedAt;
  remember(status.history);
  for (const element of document.querySelectorAll("[data-text]")) {
    put(element, status.texts[element.dataset.text] || "");
  }
  const [headline, ...others] = status.summary;
  root.dataset.level = headline.level;
  root.dataset.spool = status.spool ? "yes" : "no";
  root.dataset.refused = status.spool && status.spool.refused ? "yes" : "no";
  put(byId("headline").querySelector("strong"), headline.text);
  const sign = { ok: "", warn: "! ", bad: "\u2715 " }[headline.level];
  put(document.querySelector("title"), `${sign}${headline.text} \u2013 txrocketmq relay`);
  fill(byId("lines"), others, line);
  fill(byId("brokers"), status.cluster.brokers, broker,
    "None is known yet: the first message asks for them.");
  fill(byId("failures"), status.failures, failure(status.now), "None since the start.", FAILURES);
  byId("used").value = Number(status.texts.usedPart || 0);
  for (const element of document.querySelectorAll("div.plot")) {
    element.setAttribute("aria-label", status.texts[`${element.dataset.plot}Plot`]);
    draw(element.firstElementChild);
  }
  if (status.spool) refusals.seen(status.spool.refused);
}

function ask(address, options = {}) {
  return fetch(address, {
    cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE), ...options,
  });
}

async function poll() {
  if (asking) return;
  asking = true;
  clearTimeout(timer);
  try {
    // Another start of the relay counts its points anew.
    let status = await (await ask(`/v1/status?texts=true&history=${known}`)).json();
    if (startedAt !== null && status.startedAt !== startedAt && known) {
      status = await (await ask("/v1/status?texts=true&history=0")).json();
    }
    show(status);
    answeredAt = performance.now();
    answeredTime = new Date().toLocaleTimeString();
  } catch (error) {
    // It shows by the figures' age.
  }
  asking = false;
  age();
  timer = setTimeout(poll, document.hidden ? PAUSE_HIDDEN : PAUSE);
}

// Says how old the figures are, and clearly when they are too old.
function age() {
  if (answeredAt === null) return;
  const since = performance.now() - answeredAt;
  const stale = since > STALE + (document.hidden ? PAUSE_HIDDEN : 0);
  if (root.classList.toggle("stale", stale)) {
    put(byId("pulse"), `no answer for ${ago(since / 1000).replace(" ago", "")}`);
    put(byId("gone"), `The relay does not answer. What is below is from ${answeredTime}.`);
    put(document.querySelector("title"), "\u2715 no answer \u2013 txrocketmq relay");
  } else {
    put(byId("pulse"), `live, as of ${answeredTime}`);
    put(byId("gone"), "");
  }
}

// The refused messages: listed when their number changes, replayed and deleted.
const refusals = {
  rows: new Map(), // number -> row
  count: null,
  next: null,
  busy: false,

  seen(count) {
    if (count !== this.count && !this.busy) this.list(count);
  },

  async list(count, further = false) {
    this.busy = true;
    try {
      const shown = Math.min(500, Math.max(50, this.rows.size));
      const question = further ? `after=${this.next}` : `most=${shown}`;
      const page = await (await ask(`/v1/refused?${question}`)).json();
      this.fill(page.refused, further);
      this.next = page.next;
      this.count = count;
      this.tools();
    } catch (error) {
      this.count = null;
    } finally {
      this.busy = false;
    }
  },

  // Keeps the rows that stay, with their marks and the focus.
  fill(messages, further) {
    const numbers = new Set(messages.map((each) => each.number));
    for (const [number, row] of this.rows) {
      if (further || numbers.has(number)) continue;
      if (row.contains(document.activeElement)) byId("refusals").focus();
      row.remove();
      this.rows.delete(number);
    }
    const list = byId("refusedList");
    if (!list.firstChild && messages.length) list.append(this.table());
    const body = list.querySelector("tbody");
    for (const each of messages) {
      if (!this.rows.has(each.number)) this.rows.set(each.number, this.row(each));
    }
    for (const number of [...this.rows.keys()].sort((a, b) => a - b)) {
      const row = this.rows.get(number);
      if (!row.isConnected) body.append(row);
    }
    if (!this.rows.size) list.replaceChildren();
  },

  table() {
    const table = make("table"), head = make("thead"), row = make("tr");
    const names = [["", "Chosen"], ["Topic"], ["Why"], ["Size", "Size", "count"], ["Refused"], ["Id"]];
    for (const [name, label = name, kind = ""] of names) {
      row.append(make("th", name, { "aria-label": label, class: kind, scope: "col" }));
    }
    head.append(row);
    table.append(head, make("tbody"));
    return table;
  },

  row(each) {
    const row = make("tr"), box = make("td");
    const check = make("input", undefined, {
      type: "checkbox", value: each.number, "aria-label": `message ${each.number}, topic ${each.topic}`,
    });
    check.addEventListener("change", () => this.tools());
    box.append(check);
    row.append(box, make("td", each.topic, { class: "topic" }), make("td", each.reason),
      make("td", `${each.size.toLocaleString("en")} B`, { class: "count" }),
      make("td", new Date(each.refusedAt * 1000).toLocaleString(), { class: "date" }),
      make("td", each.msgId, { class: "id" }));
    return row;
  },

  chosen() {
    return [...document.querySelectorAll("#refusedList input:checked")].map((each) => each.value);
  },

  tools() {
    const chosen = this.chosen().length, focused = document.activeElement;
    const what = chosen ? `${chosen} chosen` : "all";
    byId("refusedTools").hidden = !this.rows.size && !byId("done").textContent;
    for (const id of ["replay", "delete"]) byId(id).hidden = !this.rows.size;
    put(byId("replay"), `Replay ${what}`);
    put(byId("delete"), `Delete ${what}`);
    byId("more").hidden = this.next === null || !this.rows.size;
    // Who works with the keyboard stays here when what they pressed is no more.
    if (focused.hidden) byId("refusals").focus();
  },

  async act(method, address, verb) {
    const chosen = this.chosen();
    const query = chosen.length ? chosen.map((number) => `number=${number}`).join("&") : "all=true";
    const buttons = [byId("replay"), byId("delete")];
    buttons.forEach((button) => { button.setAttribute("aria-disabled", "true"); });
    try {
      const answer = await ask(`${address}?${query}`, { method });
      const content = await answer.json();
      put(byId("done"), answer.ok ? `${content[verb]} ${verb}` : `Not done: ${content.error.message}`);
    } catch (error) {
      put(byId("done"), "Not done: the relay does not answer");
    }
    buttons.forEach((button) => { button.removeAttribute("aria-disabled"); });
    byId("refusals").classList.add("acted");
    this.count = null;
    await poll();
  },
};

function remove() {
  const chosen = refusals.chosen().length;
  put(byId("question"), chosen === 0
    ? "Delete all refused messages for good?"
    : `Delete ${chosen === 1 ? "one refused message" : `${chosen} refused messages`} for good?`);
  byId("sure").showModal();
  byId("no").focus();
}

byId("replay").addEventListener("click", () => refusals.act("POST", "/v1/refused/replay", "replayed"));
byId("delete").addEventListener("click", remove);
byId("more").addEventListener("click", () => refusals.list(refusals.count, true));
byId("no").addEventListener("click", () => byId("sure").close());
byId("yes").addEventListener("click", () => {
  byId("sure").close();
  refusals.act("DELETE", "/v1/refused", "deleted");
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) poll(); });
setInterval(age, 1000);
poll();
