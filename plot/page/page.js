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
      (place, number) => panelOf(place, figure.panels[number], state)));

    const show = async () => {
      const span = figure.to - figure.from;
      control("from").value = rounded(state.from, span);
      control("to").value = rounded(state.to, span);
      for (const panel of panels) {
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
      const near = nearestOfAll(panels, at);
      control("where").textContent = near === null ? "no value" : `at ${text(near)}`;
      control("at").value = String(1000 * (at - state.from) / (state.to - state.from));
      control("at").setAttribute("aria-valuetext", spoken(element, panels, near));
      for (const [number, panel] of panels.entries()) {
        panel.lines.forEach((line, s) => {
          const i = nearest(line.x, near);
          const output = box(element, number, s).closest("label").querySelector("output");
          const off = i >= 0 && line.x[i] !== near ? ` at ${text(line.x[i])}` : "";
          output.textContent = i < 0 ? "" : text(line.y[i]) + off;
        });
      }
    };

    control("smoothing").addEventListener("change", (event) => {
      state.smoothed = Number(event.target.value);
      for (const panel of panels) panel.fill(state.smoothed);
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

  async function panelOf(place, { spec, lines }, state) {
    spec.data = { name: "points", values: rows(lines, state.smoothed) };
    // in a child: Vega gives its container a role and words of its own
    const inner = place.appendChild(document.createElement("div"));
    const { view } = await vegaEmbed(inner, spec, {
      renderer: "svg", actions: false, ast: true, tooltip: false, mode: "vega-lite",
    });
    const fill = (smoothed) => view.data("points", rows(lines, smoothed));
    return { view, lines, fill };
  }

  function rows(lines, smoothed) {
    const found = [];
    lines.forEach((line, s) => {
      let p = -1;
      for (let i = 0; i < line.x.length; i += 1) {
        p += line.b[i];
        found.push({
          s, p, x: line.x[i], y: line.y[i],
          m: smoothed < 0 ? null : line[`m${smoothed}`][i],
          alone: line.b[i] === 1 && line.b[i + 1] !== 0,
        });
      }
      for (const x of line.bad) found.push({ s, x, bad: true });
    });
    return found;
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

  function nearest(xs, at) {
    if (!xs.length || at === null) return -1;
    let low = 0;
    let high = xs.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (xs[middle] < at) low = middle + 1; else high = middle;
    }
    return low > 0 && at - xs[low - 1] <= xs[low] - at ? low - 1 : low;
  }

  function nearestOfAll(panels, at) {
    let best = null;
    for (const panel of panels) {
      for (const line of panel.lines) {
        const i = nearest(line.x, at);
        if (i >= 0 && (best === null || Math.abs(line.x[i] - at) < Math.abs(best - at))) best = line.x[i];
      }
    }
    return best;
  }

  function spoken(element, panels, at) {
    if (at === null) return "no value";
    const said = [`at ${text(at)}`];
    panels.forEach((panel, number) => panel.lines.forEach((line, s) => {
      const i = nearest(line.x, at);
      const name = box(element, number, s).closest("label").querySelector("bdi").textContent;
      if (i >= 0) said.push(`${name} ${text(line.y[i])}`);
    }));
    return said.join(", ");
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
