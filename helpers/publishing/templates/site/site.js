// The switches of the bar, and the search. Without scripts the pages lack nothing but these.
(() => {
  const root = document.documentElement;
  const keep = (name, value) => { try { localStorage.setItem(name, value); } catch { /* not kept */ } };

  const theme = document.getElementById("theme");
  const dark = () => root.dataset.theme
    ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const showTheme = () => theme.setAttribute("aria-pressed", dark());
  theme.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    keep("theme", root.dataset.theme);
    showTheme();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showTheme);
  showTheme();

  const code = document.getElementById("code"), cells = [...document.querySelectorAll("details.code")];
  const wasOpen = new Map(cells.map(cell => [cell, cell.open]));  // long imports begin folded
  const showCode = () => {
    const shown = root.dataset.code !== "folded";
    code.setAttribute("aria-pressed", shown);
    for (const cell of cells) cell.open = shown && wasOpen.get(cell);
  };
  code.hidden = !cells.length;
  code.addEventListener("click", () => {
    root.dataset.code = root.dataset.code === "folded" ? "shown" : "folded";
    keep("code", root.dataset.code);
    showCode();
  });
  if (root.dataset.code === "folded") showCode();

  // What scrolls sideways is reached by keyboard too.
  const wide = [...document.querySelectorAll(".wide")];
  const reach = () => wide.forEach(box => {
    if (box.scrollWidth > box.clientWidth) {
      box.tabIndex = 0;
      box.setAttribute("role", "group");
      box.setAttribute("aria-label", "scrolls sideways");
    } else for (const name of ["tabindex", "role", "aria-label"]) box.removeAttribute(name);
  });
  addEventListener("resize", reach);
  reach();

  // The index and the library are scripts, so that a page opened as a file can load them as well.
  const field = document.getElementById("search"), found = document.getElementById("found");
  const [status, list] = found.children;
  const load = source => new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = source;
    script.onload = resolve;
    script.onerror = () => reject(new Error(source));
    document.head.append(script);
  });
  let index;
  const ready = () => index ??= Promise.all([load("minisearch.js"), load("search.js")]).then(() => {
    const words = new MiniSearch({
      fields: ["heading", "title", "text"], storeFields: ["address", "title", "heading", "text"],
      searchOptions: {boost: {heading: 3, title: 2}, prefix: true, fuzzy: 0.15, combineWith: "AND"},
    });
    words.addAll(window.sections.map((section, id) => ({id, ...section})));
    return words;
  });
  const snippet = (text, terms) => {
    const near = text.toLowerCase().indexOf(terms[0]?.toLowerCase()) - 50;
    const at = near > 0 ? text.indexOf(" ", near) + 1 : 0;
    return (at ? "… " : "") + text.slice(at, at + 150) + (at + 150 < text.length ? " …" : "");
  };
  const search = async () => {
    const asked = field.value.trim();
    found.hidden = !asked;
    if (!asked) return;
    let results;
    try {
      results = (await ready()).search(asked);
    } catch (error) {
      status.textContent = `The search could not be loaded (${error.message}).`;
      return list.replaceChildren();
    }
    if (asked !== field.value.trim()) return;  // more was typed meanwhile
    status.textContent = results.length === 1 ? "1 place" : `${results.length} places`;
    list.replaceChildren(...results.slice(0, 20).map(result => {
      const item = document.createElement("li"), link = document.createElement("a");
      link.href = result.address;
      link.textContent = result.heading === result.title
        ? result.title : `${result.title}: ${result.heading}`;
      item.append(link, snippet(result.text, result.terms));
      return item;
    }));
  };
  field.addEventListener("focus", () => ready().catch(() => {}));
  field.addEventListener("input", search);
  const close = () => { found.hidden = true; };
  addEventListener("keydown", event => {
    const links = [...list.querySelectorAll("a")], at = links.indexOf(document.activeElement);
    const inside = document.activeElement === field || at >= 0;
    if (event.key === "/" && !event.target.closest("input, textarea, select, [contenteditable]")) {
      event.preventDefault();
      field.focus();
    } else if (event.key === "Escape" && inside) {
      close();
      field.focus();
    } else if (inside && !found.hidden && ["ArrowDown", "ArrowUp"].includes(event.key)) {
      event.preventDefault();
      const next = at + (event.key === "ArrowDown" ? 1 : -1);
      (next < 0 ? field : links[Math.min(next, links.length - 1)])?.focus();
    }
  });
  addEventListener("click", event => event.target.closest("search") ? field.value && search() : close());
  list.addEventListener("click", close);
})();
