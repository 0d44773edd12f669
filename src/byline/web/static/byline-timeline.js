"use strict";
/* <byline-timeline table="products_master" entity="1" token="…">: an entity's history inside a page of your own.

   Attributes: table, entity (required); token (a Bearer token; without one the page's own session is not used either);
   src (where Byline answers; by default, where this file came from); limit (events a page, 1 to 200).
   Looks: --byline-font, --byline-mono, --byline-ink, --byline-ink-2, --byline-rule, --byline-accent.
   It fires `byline-error` where it could not read. Needs nothing else; every stored text is set as text. */
(() => {
  const HOME = document.currentScript ? new URL(document.currentScript.src, location.href).origin : location.origin;

  const CSS = `
    :host { display: block; container-type: inline-size; font-size: 14px; line-height: 20px; font-family: var(--byline-font, inherit); color: var(--byline-ink, inherit); overflow-wrap: anywhere; text-align: start;
      --_ink-2: var(--byline-ink-2, color-mix(in srgb, currentColor 72%, transparent)); --_rule: var(--byline-rule, color-mix(in srgb, currentColor 18%, transparent));
      --_was: light-dark(#9a2c1c, #f0a392); --_was-wash: light-dark(#fae6e1, #40201a); --_now: light-dark(#0a6055, #7ed1bd); --_now-wash: light-dark(#dcf1eb, #10362f); --_warn: light-dark(#755000, #e3bf72); }
    :host([hidden]) { display: none; }
    ol { list-style: none; margin: 0; padding: 0; }
    li { position: relative; padding: 11px 0 12px 20px; border-bottom: 1px solid var(--_rule); }
    p, dl, dd { margin: 0; }
    .mark { position: absolute; left: 0; font: 12px/20px var(--byline-mono, ui-monospace, monospace); color: var(--_ink-2); }
    .create { color: var(--_now); } .delete { color: var(--_was); } .unseen { color: var(--_warn); font-weight: 600; }
    .who { font-weight: 600; }
    code, dl { font: 12px/18px var(--byline-mono, ui-monospace, monospace); font-variant-ligatures: none; }
    .row { display: flex; flex-wrap: wrap; column-gap: 12px; padding-top: 3px; }
    dt { min-width: 105px; color: var(--_ink-2); }
    dd { min-width: 0; max-width: 100%; }
    .long dd { flex: 1 1 100%; padding-left: 18px; position: relative; }
    .long del, .long ins { display: block; color: inherit; font-weight: 400; }
    .long .arrow { position: absolute; left: 0; }
    del, ins { text-decoration: none; white-space: pre-wrap; }
    del { color: var(--_was); } ins { color: var(--_now); font-weight: 600; }
    .arrow { color: var(--_ink-2); }
    del .differs { color: var(--_was); background: var(--_was-wash); text-decoration: line-through; }
    ins .differs { color: var(--_now); background: var(--_now-wash); text-decoration: underline 2px; font-weight: 600; }
    .differs { border-radius: 2px; padding: 0 1px; }
    .odd { border: 1px dotted var(--_warn); color: var(--_warn); border-radius: 2px; padding: 0 2px; font-style: italic; }
    .said { font-style: italic; font-family: var(--byline-font, inherit); }
    .note { color: var(--_warn); }
    .where { font-size: 12px; line-height: 18px; color: var(--_ink-2); padding-top: 3px; }
    .where span { margin-right: 14px; }
    .more { color: var(--_ink-2); padding-top: 3px; font-size: 12px; }
    footer { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 8px 16px; padding-top: 12px; }
    a, button { font: inherit; color: var(--byline-accent, LinkText); background: none; border: 0; padding: 2px 0; text-decoration: underline 1px; text-underline-offset: 3px; cursor: pointer; }
    :focus-visible { outline: 2px solid currentColor; outline-offset: 2px; }
    .aloud { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
    @media (prefers-reduced-motion: reduce) { * { transition: none; } }`;

  const ODD = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e0fff}]/u;

  const el = (tag, name, ...children) => {
    const made = document.createElement(tag);
    if (name) made.className = name;
    made.append(...children);
    return made;
  };
  /* Stored text: isolated, and what hides is shown by its code point. Only ever as text. */
  const stored = (text) => {
    const told = el("bdi");
    let plain = "";
    for (const character of text) {
      if (!ODD.test(character)) { plain += character; continue; }
      told.append(plain, el("span", "odd", `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`));
      plain = "";
    }
    told.append(plain);
    return told;
  };
  const VOICES = {
    attribute: (text) => el("code", "", stored(text)),
    value: (text) => el("code", "", stored(text)),
    who: (text) => el("span", "who", stored(text)),
    entity: (text) => el("span", "who", stored(text)),
    table: (text) => el("span", "who", stored(text)),
    unknown: (text) => el("i", "", text),
    aside: (text) => el("i", "", text),
    note: (text) => el("i", "said", text),
    plain: (text) => document.createTextNode(text),
  };
  const sentence = (pieces) => el("p", "", ...pieces.map((piece) => (VOICES[piece.voice] || VOICES.plain)(piece.text)));

  const run = (told) => {
    if (told.left_out) return el("i", "said", ` … ${told.left_out} ${told.more ? "more characters" : "characters unchanged …"} `);
    if (told.space) return document.createTextNode("·".repeat(Math.min(told.text.length, 40)));
    return told.marked ? el("span", "differs", stored(told.text)) : stored(told.text);
  };
  const side = (tag, word, told) => {
    const made = el(tag, "", el("span", "aloud", word));
    if (told.note) made.append(el("i", "said", told.note));
    else made.append(...told.runs.map(run));
    if (told.type) made.append(" ", el("i", "said", told.type));
    return made;
  };
  const row = (told) => {
    const arrow = el("span", "arrow", "→");
    arrow.setAttribute("aria-hidden", "true");
    const values = el("dd", "", side("del", "was ", told.was), " ", arrow, " ", side("ins", " became ", told.now));
    return el("div", told.one_line ? "row" : "row long", el("dt", "", stored(told.attribute)), values);
  };

  const moment = (at) => {
    const then = new Date(at);
    const clock = then.toLocaleTimeString("en-GB");
    if (then.toDateString() === new Date().toDateString()) return `Today, ${clock}`;
    const year = then.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
    return `${then.toLocaleDateString("en-GB", { day: "numeric", month: year ? "short" : "long", year })}, ${clock}`;
  };
  const time = (at, words) => {
    const made = el("time", "", words);
    made.dateTime = at;
    made.title = at.replace("T", " ").replace("Z", " UTC");
    return made;
  };
  const NAMES = { "+": "create", "−": "delete", "?": "unseen" };
  const item = (told) => {
    const mark = el("span", `mark ${NAMES[told.mark] || ""}`, told.mark);
    mark.setAttribute("aria-hidden", "true");
    const made = el("li", "", mark, sentence(told.sentence));
    const rows = told.rows || [];
    if (rows.length) made.append(el("dl", "", ...rows.map(row)));
    if (told.more) made.append(el("p", "more", `${told.more} more ${told.more === 1 ? "attribute" : "attributes"}`));
    for (const note of told.notes || []) made.append(el("p", "note", note));
    const when = told.since ? [time(told.since, moment(told.since)), " – ", time(told.at, moment(told.at).replace(/^Today, /, ""))] : [time(told.at, moment(told.at))];
    const where = el("p", "where", el("span", "", ...when));
    if (told.service) where.append(el("span", "", stored(told.service)));
    made.append(where);
    return made;
  };

  class BylineTimeline extends HTMLElement {
    static observedAttributes = ["table", "entity", "token", "src", "limit"];
    #list = el("ol");
    #status = el("p", "aloud");
    #older = el("button", "", "Older changes");
    #open = el("a", "", "Open in Byline");
    #cursor = null;
    #asked = 0;
    #waiting = false;

    constructor() {
      super();
      const root = this.attachShadow({ mode: "open" });
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(CSS);
      root.adoptedStyleSheets = [sheet];
      this.#status.setAttribute("role", "status");
      this.#older.type = "button";
      this.#older.hidden = this.#open.hidden = true;
      this.#older.addEventListener("click", () => this.#load());
      this.#open.target = "_blank";
      this.#open.rel = "noopener noreferrer";
      root.append(this.#list, this.#status, el("footer", "", this.#older, this.#open));
    }

    connectedCallback() { this.refresh(); }

    attributeChangedCallback(_name, before, after) { if (this.isConnected && before !== after) this.refresh(); }

    /** Read again from the newest change. */
    refresh() {
      if (this.#waiting) return;
      this.#waiting = true;
      queueMicrotask(() => {
        this.#waiting = false;
        this.#cursor = null;
        this.#list.replaceChildren();
        this.#load();
      });
    }

    get #home() { return new URL(this.getAttribute("src") || HOME, location.href); }

    async #load() {
      const [table, entity, token] = ["table", "entity", "token"].map((name) => this.getAttribute(name));
      if (!table || !entity) return this.#say("Which entity? Set table and entity.");
      const mine = ++this.#asked;
      const address = new URL("/embed/timeline", this.#home);
      address.searchParams.set("table_id", table);
      address.searchParams.set("entity_id", entity);
      if (this.getAttribute("limit")) address.searchParams.set("limit", this.getAttribute("limit"));
      if (this.#cursor) address.searchParams.set("cursor", this.#cursor);
      this.#older.disabled = true;
      try {
        const headers = token ? { Authorization: `Bearer ${token}` } : {};
        const answer = await fetch(address, { headers, credentials: "omit", referrerPolicy: "no-referrer" });
        const told = await answer.json();
        if (mine !== this.#asked) return;
        if (!answer.ok) throw new Error(told.detail || `Byline answered ${answer.status}.`);
        this.#show(told);
      } catch (error) {
        if (mine !== this.#asked) return;
        this.#say(error instanceof TypeError ? "Byline cannot be reached from here." : error.message, error);
      } finally {
        if (mine === this.#asked) this.#older.disabled = false;
      }
    }

    #show(told) {
      const before = this.#list.children.length;
      this.#list.append(...told.items.map(item));
      this.#cursor = told.next_cursor;
      this.#older.hidden = !told.next_cursor;
      this.#open.hidden = !told.page;
      if (told.page) this.#open.href = new URL(told.page, this.#home).href;
      this.#status.className = this.#list.children.length ? "aloud" : "";
      this.#status.textContent = before ? `${told.items.length} older changes shown.` : told.items.length ? "" : "Nothing has changed yet.";
    }

    #say(words, error) {
      this.#status.className = "";
      this.#status.textContent = words;
      this.dispatchEvent(new CustomEvent("byline-error", { detail: { message: words, error }, bubbles: true, composed: true }));
    }
  }

  if (!customElements.get("byline-timeline")) customElements.define("byline-timeline", BylineTimeline);
})();
