"use strict";
/* What makes the pages quicker to use. Everything can be read and done without it. */
(() => {
  const root = document.documentElement;
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const visible = (element) => element && element.checkVisibility();

  /* Times are told in the reader's zone: the server learns it from a cookie. */
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  const known = /(?:^|; )byline_zone=([^;]*)/.exec(document.cookie);
  if (!known || known[1] !== zone) {
    document.cookie = `byline_zone=${zone}; path=/; max-age=31536000; samesite=lax`;
    const kept = document.cookie.includes("byline_zone=");
    if (kept && root.dataset.zone && root.dataset.zone !== zone && !["UTC", "Etc/UTC"].includes(zone)) location.reload();
  }

  for (const element of all("[data-script]")) element.hidden = false;

  /* Light or dark: as the system has it, until the reader chooses. The server writes the choice into its pages. */
  const system = () => (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const chosen = /(?:^|; )byline_theme=(light|dark)(?:;|$)/.exec(document.cookie);
  const themed = (theme) => {
    if (theme) root.dataset.theme = theme; else delete root.dataset.theme;
    const button = one("[data-theme-switch]");
    if (button) button.textContent = (theme || system()) === "dark" ? "Light page" : "Dark page";
  };
  const switchTheme = () => {
    const other = (root.dataset.theme || system()) === "dark" ? "light" : "dark";
    const own = other === system() ? "" : other;
    document.cookie = `byline_theme=${own}; path=/; max-age=${own ? 31536000 : 0}; samesite=lax`;
    themed(own);
  };
  themed(chosen && chosen[1]);

  const status = one("[data-status]");
  const say = (words) => { if (status) status.textContent = words; };

  const copy = async (text, button) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    say("Copied.");
    if (!button) return;
    const words = button.textContent;
    button.textContent = "copied";
    setTimeout(() => { button.textContent = words; }, 1500);
  };
  /* In single quotes nothing means anything to a shell; an address of ours holds no quote of its own. */
  const asCurl = (path) => {
    const token = root.dataset.signedIn === undefined ? "" : `-H "Authorization: Bearer $BYLINE_TOKEN" `;
    return `curl ${token}'${new URL(path, location.href).href.replaceAll("'", "%27")}'`;
  };
  const curlOfPage = () => {
    const link = one("#as-json");
    if (link) copy(asCurl(link.getAttribute("href")), one("footer [data-curl]"));
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.copy !== undefined) copy(button.dataset.copy, button);
    else if (button.dataset.curl) copy(asCurl(button.dataset.curl), button);
    else if (button.dataset.curl === "") curlOfPage();
    else if (button.dataset.keys !== undefined) one("[data-dialog]").showModal();
    else if (button.dataset.themeSwitch !== undefined) switchTheme();
    else if (button.dataset.keysSwitch !== undefined) switchKeys();
  });

  /* The form leaves out what is empty, so that the address says only what was asked. */
  for (const form of all("form.fields")) {
    form.addEventListener("formdata", (event) => {
      for (const [name, value] of [...event.formData]) if (!value.trim()) event.formData.delete(name);
    });
    for (const select of all("select", form)) select.addEventListener("change", () => form.requestSubmit());
  }

  /* New changes are counted; nothing moves until the bar is followed. */
  const live = one("[data-live]");
  if (live) {
    const link = one("a", live);
    const every = Number(live.dataset.every || 5) * 1000;
    let spoken = 0;
    const look = async () => {
      if (document.visibilityState === "visible") {
        try {
          const answer = await fetch(live.dataset.live, { headers: { Accept: "application/json" } });
          if (answer.ok) show(await answer.json());
          else if (answer.status === 401) return;
        } catch { /* The next look may reach it. */ }
      }
      setTimeout(look, every);
    };
    const show = (news) => {
      if (!news.new && !news.rebuilt) return;
      const count = news.more ? `more than ${news.new}` : news.new;
      link.textContent = news.rebuilt ? "The history was rebuilt: show it" : `Show ${count} new ${news.new === 1 ? "change" : "changes"}`;
      live.hidden = false;
      if (Date.now() - spoken > 30000) {
        spoken = Date.now();
        say(`${count} new ${news.new === 1 ? "change" : "changes"}.`);
      }
    };
    setTimeout(look, every);
  }

  /* The slider steps through the ruler's events; letting go shows that moment. */
  const slider = one("[data-slider]");
  if (slider) {
    const ticks = all("rect[data-at]");
    const thumb = one("rect.thumb");
    const tick = () => ticks[slider.value - 1];
    slider.hidden = false;
    if (thumb) thumb.remove();
    const go = () => {
      const address = new URL(location.href);
      if (Number(slider.value) === ticks.length && !one("#newest")) return;
      address.searchParams.set("at", tick().dataset.at);
      address.hash = "";
      if (address.href !== location.href) location.assign(address);
    };
    slider.addEventListener("input", () => {
      slider.setAttribute("aria-valuetext", tick().dataset.words);
      const moment = one("[data-moment]");
      if (moment) moment.textContent = tick().dataset.told;
      one("[data-number]").textContent = tick().dataset.words.split(", ")[0];
    });
    let wait;
    slider.addEventListener("change", () => {
      clearTimeout(wait);
      wait = setTimeout(go, 500);
    });
  }

  /* Keys: never while something is typed. */
  const stories = () => all("article").filter(visible);
  const focused = () => document.activeElement && document.activeElement.closest("article");
  const move = (by) => {
    const them = stories();
    const at = them.indexOf(focused());
    const next = them[at < 0 ? (by > 0 ? 0 : them.length - 1) : Math.min(Math.max(at + by, 0), them.length - 1)];
    if (next) { next.focus(); next.scrollIntoView({ block: "nearest" }); }
  };
  const follow = (selector, within = document) => { const link = one(selector, within); if (visible(link)) link.click(); };
  const open = () => { const story = focused(); if (story) follow(".when a, .where a, h3 a", story); };
  const unfold = () => {
    const folds = all("details", focused() || one("article") || document);
    const closed = folds.some((fold) => !fold.open);
    for (const fold of folds) fold.open = closed;
  };
  const find = () => {
    const field = all("input[type=search]").find(visible);
    if (field) { field.focus(); field.select(); } else location.assign("/find");
  };
  const filters = () => {
    const narrow = all("details.filters").find(visible);
    if (narrow) narrow.open = true;
    const field = all(".fields input").find(visible);
    if (field) field.focus();
  };
  const link = () => {
    const own = focused() && one(".when a, .where a", focused());
    copy(own ? own.href : location.href);
  };
  const keys = {
    j: () => move(1), k: () => move(-1), o: open, Enter: open, e: unfold, ".": () => follow("[data-live] a"),
    "/": find, f: filters, "[": () => follow("#earlier"), "]": () => follow("#later"), n: () => follow("#newest"),
    y: link, c: curlOfPage, "?": () => { const dialog = one("[data-dialog]"); if (dialog) dialog.showModal(); },
  };
  /* Whoever speaks to the machine, or types with one finger, can turn them off (WCAG 2.1.4). */
  let off = false;
  try { off = localStorage.getItem("byline-keys") === "off"; } catch { /* Kept for this page only. */ }
  const keysTold = () => { for (const button of all("[data-keys-switch]")) button.textContent = off ? "Turn the keys on" : "Turn the keys off"; };
  const switchKeys = () => {
    off = !off;
    try { localStorage.setItem("byline-keys", off ? "off" : "on"); } catch { /* As above. */ }
    keysTold();
  };
  keysTold();
  const after_g = { h: () => location.assign("/"), d: () => follow("a[href='/dead-letters']") };
  let waiting = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const target = event.target;
    if (target.closest("input, select, textarea, dialog, [contenteditable]")) {
      if (event.key === "Escape" && !target.closest("dialog")) target.blur();
      return;
    }
    if (event.key === "Escape") { for (const menu of all("details.menu, details.reader")) menu.open = false; return; }
    if (event.key === "Enter" && target.tagName !== "ARTICLE") return;
    if (off && event.key !== "Enter") return;
    if (event.key === "g") { waiting = Date.now(); return; }
    const act = (Date.now() - waiting < 1500 && after_g[event.key]) || keys[event.key];
    waiting = 0;
    if (act) { event.preventDefault(); act(); }
  });

  /* Print: folds open, and the page says what it is. */
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = all("main details:not(.filters)").filter((fold) => !fold.open);
    for (const fold of opened) fold.open = true;
    const printed = one("[data-printed]");
    if (printed) printed.textContent = new Date().toISOString().slice(0, 19).replace("T", " ");
    const address = one("[data-address]");
    if (address) address.textContent = location.href;
  });
  addEventListener("afterprint", () => { for (const fold of opened) fold.open = false; });
})();
