// Pointing at a trial shows it alone in every drawing; the table sorts; everything is there without this script.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const tip = document.getElementById("tip");
  const drawings = [...document.querySelectorAll("svg.trials")];
  const marks = new Map();
  for (const mark of document.querySelectorAll("[data-t]")) {
    const trial = mark.dataset.t;
    if (!marks.has(trial)) marks.set(trial, []);
    marks.get(trial).push(mark);
  }
  let hot = null, kept = null;

  const show = (trial) => {
    if (trial === hot) return;
    if (hot !== null) for (const mark of marks.get(hot) || []) mark.classList.remove("hot");
    for (const svg of drawings) svg.classList.remove("isolating");
    hot = trial;
    if (trial === null) return;
    for (const mark of marks.get(trial) || []) {
      mark.classList.add("hot");
      const svg = mark.ownerSVGElement;
      if (svg && svg.classList.contains("trials")) svg.classList.add("isolating");
    }
  };

  const node = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
  const tell = (trial, x, y) => {
    const card = trial === null ? null : data.trials[trial];
    tip.hidden = !card;
    if (!card) return;
    const list = document.createElement("dl");
    for (const [name, value] of card.settings) list.append(node("dt", name), node("dd", value));
    tip.replaceChildren(node("b", card.title), node("span", card.value), list);
    if (card.reason) tip.append(node("div", card.reason));
    const room = tip.getBoundingClientRect();
    tip.style.left = Math.max(6, Math.min(x + 16, innerWidth - room.width - 8)) + "px";
    tip.style.top = Math.max(6, y + 18 + room.height > innerHeight ? y - room.height - 12 : y + 18) + "px";
  };

  // the points of every mark of a drawing, read once
  const shapes = new WeakMap();
  const shapesOf = (svg) => {
    if (!shapes.has(svg)) shapes.set(svg, [...svg.querySelectorAll("[data-t]")].map((mark) => {
      let at;
      if (mark.tagName === "polyline") at = mark.getAttribute("points").split(/[ ,]/).map(Number);
      else if (mark.tagName === "circle") at = [+mark.getAttribute("cx"), +mark.getAttribute("cy")];
      else at = mark.getAttribute("d").match(/-?[\d.]+/g).slice(0, 2).map((v) => +v + 4);
      return { trial: mark.dataset.t, at };
    }));
    return shapes.get(svg);
  };
  const apart = (at, x, y) => {
    let least = Infinity;
    if (at.length === 2) return Math.hypot(at[0] - x, at[1] - y);
    for (let i = 0; i + 3 < at.length; i += 2) {
      const dx = at[i + 2] - at[i], dy = at[i + 3] - at[i + 1];
      const t = Math.max(0, Math.min(1, ((x - at[i]) * dx + (y - at[i + 1]) * dy) / (dx * dx + dy * dy || 1)));
      least = Math.min(least, Math.hypot(at[i] + t * dx - x, at[i + 1] + t * dy - y));
    }
    return least;
  };
  const nearest = (svg, event) => {
    const matrix = svg.getScreenCTM();
    if (!matrix) return null;
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
    let found = null, least = 22;
    for (const shape of shapesOf(svg)) {
      const gap = apart(shape.at, at.x, at.y);
      if (gap < least) { least = gap; found = shape.trial; }
    }
    return found;
  };

  for (const svg of drawings) {
    let waiting = false;
    svg.addEventListener("pointermove", (event) => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        const trial = nearest(svg, event);
        show(trial ?? kept);
        tell(trial, event.clientX, event.clientY);
      });
    });
    svg.addEventListener("pointerleave", () => requestAnimationFrame(() => { show(kept); tell(null); }));
    svg.addEventListener("click", (event) => {
      const trial = nearest(svg, event);
      kept = trial === kept ? null : trial;
      show(kept);
      tell(kept, event.clientX, event.clientY);
    });
  }
  for (const row of document.querySelectorAll("tr[data-t], li[data-t]")) {
    row.addEventListener("pointerenter", () => show(row.dataset.t));
    row.addEventListener("pointerleave", () => show(kept));
    row.addEventListener("click", () => { kept = kept === row.dataset.t ? null : row.dataset.t; show(kept ?? row.dataset.t); });
  }
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") { kept = null; show(null); tell(null); } });
  addEventListener("scroll", () => tell(null), { passive: true });

  // one view of the overlay at a time
  const tabs = [...document.querySelectorAll("[data-tab]")], views = [...document.querySelectorAll("[data-view]")];
  const open = (place) => {
    views.forEach((view, i) => { view.hidden = i !== place; });
    tabs.forEach((tab, i) => tab.setAttribute("aria-selected", String(i === place)));
  };
  if (tabs.length > 1) {
    tabs[0].parentElement.hidden = false;
    tabs.forEach((tab, i) => tab.addEventListener("click", () => open(i)));
    open(0);
  }

  const select = document.getElementById("colour");
  if (select) {
    select.disabled = false;
    const classes = document.getElementById("classes");
    select.addEventListener("change", () => {
      const colour = data.colours[+select.value];
      for (const curve of document.querySelectorAll("#overlays polyline[data-t]")) {
        for (let i = 0; i < 6; i++) curve.classList.remove("q" + i);
        const its = colour.classes[curve.dataset.t];
        if (its !== undefined) curve.classList.add("q" + its);
      }
      classes.replaceChildren(...colour.labels.flatMap((label, i) => {
        if (!label) return [];
        const key = node("span", label);
        key.className = "key";
        const mark = document.createElement("i");
        mark.className = "m line q q" + i;
        key.prepend(mark);
        return [key];
      }));
    });
  }

  const table = document.getElementById("table");
  if (table) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => head.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const keyed = [...table.tBodies[0].rows].map((row) => ({ row, key: row.cells[column].dataset.k }));
      keyed.sort((a, b) => {
        if (a.key === "" || b.key === "") return (a.key === "") - (b.key === ""); // nothing comes last, either way
        const one = Number(a.key), other = Number(b.key);
        const order = Number.isNaN(one) || Number.isNaN(other) ? a.key.localeCompare(b.key) : one - other;
        return up ? order : -order;
      });
      table.tBodies[0].append(...keyed.map((entry) => entry.row));
    }));
  }
})();
