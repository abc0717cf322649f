"use strict";
// Draws the figures of the page and lets a person choose lines, smoothing and stretch, and read
// values off, by pointer, touch or keyboard. The numbers are those of the page's JSON.
(() => {
  const all = JSON.parse(document.getElementById("figures").textContent);
  const started = [];
  for (const element of document.querySelectorAll("figure[data-figure]")) {
    started.push(start(element, all[element.dataset.figure]));
  }
  Promise.all(started).then(
    () => { document.documentElement.dataset.drawn = "yes"; },
    (error) => { document.documentElement.dataset.drawn = "failed"; console.error(error); },
  );

  // On paper the SQL is open, for there nobody can click.
  addEventListener("beforeprint", () => {
    for (const sql of document.querySelectorAll("details.sql")) sql.open = true;
  });

  async function start(element, figure) {
    const control = (name) => element.querySelector(`[data-control="${name}"]`);
    const state = { from: figure.from, to: figure.to, smoothed: figure.smoothed };
    const panels = await Promise.all([...element.querySelectorAll(".chart")].map(
      (place, number) => panelOf(place, figure.panels[number], state, figure.most)));
    const unread = control("where").textContent;

    const show = async () => {
      const span = figure.to - figure.from;
      control("from").value = rounded(state.from, span);
      control("to").value = rounded(state.to, span);
      control("where").textContent = unread;
      for (const output of element.querySelectorAll(".legend output")) output.textContent = "";
      for (const panel of panels) {
        panel.fill();
        panel.view.signal("from", state.from).signal("to", state.to)
          .signal("faint", state.smoothed < 0 ? 1 : 0.3);
      }
      await Promise.all(panels.map((panel) => panel.view.runAsync()));
    };
    const zoom = (from, to) => {
      if (!(to > from)) return;
      state.from = Math.max(figure.from, from);
      state.to = Math.min(figure.to, to);
      if (!(state.to > state.from)) { state.from = figure.from; state.to = figure.to; }
      show();
    };
    const read = (at) => {
      for (const panel of panels) panel.view.signal("at", at).runAsync();
      if (at === null) return;
      const found = nearestOfAll(panels, at, state);
      const near = found === null ? null : found.x;
      const where = found === null ? "no value in this stretch" : `at ${placed(found, figure)}`;
      const said = [where];
      control("where").textContent = where;
      control("at").value = String(1000 * (at - state.from) / (state.to - state.from));
      for (const [number, panel] of panels.entries()) {
        panel.lines.forEach((line, s) => {
          const label = box(element, number, s).closest("label");
          const value = near === null ? "" : valueAt(line, near, state);
          label.querySelector("output").textContent = value;
          if (value) said.push(`${label.querySelector("bdi").textContent} ${value}`);
        });
      }
      control("at").setAttribute("aria-valuetext", said.join(", "));
    };

    control("smoothing").addEventListener("change", (event) => {
      state.smoothed = Number(event.target.value);
      show();
    });
    for (const end of ["from", "to"]) {
      control(end).addEventListener("change", (event) => {
        const value = event.target.valueAsNumber;
        zoom(end === "from" ? value : state.from, end === "to" ? value : state.to);
        show();
      });
    }
    control("all").addEventListener("click", () => zoom(figure.from, figure.to));
    control("at").addEventListener("input", (event) => {
      read(state.from + (state.to - state.from) * Number(event.target.value) / 1000);
    });
    for (const input of element.querySelectorAll("[data-line]")) {
      input.addEventListener("change", () => {
        const panel = panels[Number(input.dataset.panel)];
        const hidden = [...panel.lines.keys()].filter(
          (s) => !box(element, Number(input.dataset.panel), s).checked);
        panel.view.signal("hidden", hidden).runAsync();
      });
    }
    for (const panel of panels) pointing(panel, state, read, zoom);
    element.querySelector(".controls").hidden = false;
    element.querySelector(".reading").hidden = false;
    await show();
    // without this a phone that is turned, or a window that is dragged, keeps the old width
    new ResizeObserver(() => {
      for (const panel of panels) {
        panel.view.width(panel.view.container().clientWidth).resize().runAsync();
      }
    }).observe(element);
  }

  async function panelOf(place, { spec, lines: stored }, state, most) {
    const lines = stored.map(opened);
    spec.data = { name: "points", values: rows(lines, state, most) };
    // in a child: Vega gives its container a role and words of its own
    const inner = place.appendChild(document.createElement("div"));
    const { view } = await vegaEmbed(inner, spec, {
      renderer: "svg", actions: false, ast: true, tooltip: false, mode: "vega-lite",
    });
    const fill = () => view.data("points", rows(lines, state, most));
    return { view, lines, fill };
  }

  // A line as columns: x, y, the piece p that each value belongs to, and the smoothings m; or bands.
  function opened(line) {
    if (line.bands) return line;
    const { packed } = line;
    if (!packed) {
      let p = -1;
      const m = Object.keys(line).filter((key) => /^m\d+$/.test(key)).map((_, i) => line[`m${i}`]);
      return { ...line, m, p: line.b.map((begins) => (p += begins)) };
    }
    const y = unpacked(packed.y);
    const [first, stride] = Array.isArray(packed.x) ? packed.x : [];
    const x = stride === undefined ? unpacked(packed.x) : y.map((_, i) => first + stride * i);
    const p = new Int32Array(x.length);
    for (const cut of packed.cuts) p[cut] = 1;
    for (let i = 1; i < p.length; i += 1) p[i] += p[i - 1];
    const m = Object.keys(packed).filter((key) => /^m\d+$/.test(key))
      .map((_, i) => unpacked(packed[`m${i}`], x.length));
    return { x, y, p, m, bad: line.bad };
  }

  function unpacked(text, count) {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return bytes.length === 4 * count ? new Float32Array(bytes.buffer) : new Float64Array(bytes.buffer);
  }

  function rows(lines, { from, to, smoothed }, most) {
    const found = [];
    lines.forEach((line, s) => {
      if (line.bands) banded(line.bands, s, smoothed, found);
      else for (const i of drawn(line, from, to, most)) {
        found.push({
          s, p: line.p[i], x: line.x[i], y: line.y[i],
          m: smoothed < 0 ? null : line.m[smoothed][i],
          alone: line.p[i - 1] !== line.p[i] && line.p[i + 1] !== line.p[i],
        });
      }
      for (const x of line.bad) found.push({ s, x, bad: true });
    });
    return found;
  }

  function banded(bands, s, smoothed, found) {
    bands.x.forEach((x, i) => found.push({
      s, x, x2: bands.x2[i], lo: bands.lo[i], hi: bands.hi[i],
      mlo: smoothed < 0 ? null : bands[`m${smoothed}lo`][i],
      mhi: smoothed < 0 ? null : bands[`m${smoothed}hi`][i],
    }));
  }

  // The positions to draw of a stretch: all, with a neighbour on each side, where they are few, else
  // the ends, the least and the greatest of equal parts that are no wider than a few pixels.
  function drawn({ x, y }, from, to, most) {
    const low = Math.max(0, bound(x, from) - 1);
    const high = Math.min(x.length, bound(x, to, true) + 1);
    const count = high - low;
    if (count <= most) return Array.from({ length: count }, (_, i) => low + i);
    const parts = Math.floor(most / 4);
    const kept = new Set();
    for (let part = 0; part < parts; part += 1) {
      const first = low + Math.floor(count * part / parts);
      const last = low + Math.floor(count * (part + 1) / parts) - 1;
      let [least, greatest] = [first, first];
      for (let i = first; i <= last; i += 1) {
        if (y[i] < y[least]) least = i;
        if (y[i] > y[greatest]) greatest = i;
      }
      for (const i of [first, least, greatest, last].sort((a, b) => a - b)) kept.add(i);
    }
    return kept;
  }

  // The first position whose x is at least (or, behind, more than) a place.
  function bound(xs, place, behind = false) {
    let [low, high] = [0, xs.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (xs[middle] < place || (behind && xs[middle] === place)) low = middle + 1; else high = middle;
    }
    return low;
  }

  // Vega gives places in pixels from its container's edge; the axis' labels stand before them.
  function pointing({ view }, state, read, zoom) {
    let begun = null;
    const place = (event) => {
      const box = view.container().querySelector("svg").getBoundingClientRect();
      const pixel = event.clientX - box.left - view.origin()[0] - view.padding().left;
      return Math.min(Math.max(0, pixel), view.width());
    };
    const value = (pixel) => state.from + (state.to - state.from) * pixel / view.width();
    const target = view.container();
    target.addEventListener("pointermove", (event) => {
      const here = place(event);
      if (begun !== null) view.signal("drag", [begun, here]).runAsync();
      read(value(here));
    });
    target.addEventListener("pointerleave", () => { if (begun === null) read(null); });
    target.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "mouse" || event.button !== 0) return;
      begun = place(event);
      target.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    target.addEventListener("pointerup", (event) => {
      if (begun === null) return;
      const [low, high] = [begun, place(event)].sort((a, b) => a - b);
      begun = null;
      view.signal("drag", [0, 0]).runAsync();
      if (high - low > 4) zoom(value(low), value(high));
    });
    target.addEventListener("dblclick", () => zoom(-Infinity, Infinity));
  }

  function box(element, panel, line) {
    return element.querySelector(`[data-panel="${panel}"][data-line="${line}"]`);
  }

  // The position of the value nearest to a place, among those in the stretch; -1 for none.
  function nearest(xs, at, { from, to }) {
    const [first, last] = [bound(xs, from), bound(xs, to, true) - 1];
    if (first > last) return -1;
    const next = Math.min(Math.max(bound(xs, at), first), last);
    return next > first && at - xs[next - 1] <= xs[next] - at ? next - 1 : next;
  }

  // The nearest place that has a value; where a line is bands, any place within one.
  function nearestOfAll(panels, at, state) {
    let best = null;
    for (const { lines } of panels) {
      for (const line of lines) {
        if (line.bands) continue;
        const i = nearest(line.x, at, state);
        if (i >= 0 && (best === null || Math.abs(line.x[i] - at) < Math.abs(best - at))) best = line.x[i];
      }
    }
    if (best !== null) return { x: best };
    const within = panels.some(({ lines }) => lines.some((line) => line.bands && bandAt(line.bands, at) >= 0));
    return within ? { x: at, about: true } : null;
  }

  function bandAt({ x, x2 }, at) {
    const i = bound(x, at, true) - 1;
    return i >= 0 && at <= x2[i] ? i : -1;
  }

  function valueAt(line, near, state) {
    if (line.bands) {
      const { x, x2, n, lo, hi } = line.bands;
      const i = bandAt(line.bands, near);
      if (i < 0) return "";
      return `${text(lo[i])} to ${text(hi[i])} (${text(n[i])} values from ${text(x[i])} to ${text(x2[i])})`;
    }
    const i = nearest(line.x, near, state);
    if (i < 0) return "";
    return text(line.y[i]) + (line.x[i] !== near ? ` at ${text(line.x[i])}` : "");
  }

  function placed({ x, about }, figure) {
    return about ? text(Number(rounded(x, figure.to - figure.from))) : text(x);
  }

  function rounded(value, span) {
    const unit = 10 ** (Math.floor(Math.log10(span)) - 3);
    return String(Number((unit >= 1 ? Math.round(value) : Math.round(value / unit) * unit).toPrecision(12)));
  }

  function text(value) {
    if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toLocaleString("en");
    const short = Number(value.toPrecision(5));
    return String(Number.isFinite(short) ? short : value).replace("-", "\u2212");
  }
})();
