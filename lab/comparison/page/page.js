"use strict";
// Draws what report.py gathered. All text goes in by textContent: names of runs are anybody's.

(() => {
  const $ = (id) => document.getElementById(id);
  const LIVE = !$("data");
  const POLL = 2000;
  const view = { metric: null, axis: "clock", smoothing: 0, seeds: true, log: false,
                 hidden: new Set(), sort: { key: "name", down: false }, filter: "",
                 media: null, clock: Infinity };
  let data = null;

  // -- small things

  function el(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (name === "style") node.style.cssText = value;
      else if (value !== null && value !== false) node.setAttribute(name, value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  }

  function number(value) {
    if (value === null || value === undefined || value === "") return "–";
    if (typeof value !== "number") return String(value);
    if (Number.isInteger(value)) return value.toLocaleString("en");
    return Number(value.toPrecision(4)).toLocaleString("en", { maximumSignificantDigits: 4 });
  }

  function duration(seconds) {
    if (typeof seconds !== "number") return "–";
    if (seconds < 60) return `${seconds.toFixed(1)} s`;
    const minutes = Math.round(seconds / 60);
    return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  }

  const asText = (value) => Array.isArray(value) ? value.join(", ")
    : value !== null && typeof value === "object" ? JSON.stringify(value)
    : typeof value === "number" ? String(value) : String(value ?? "–");
  const color = (group) => data.palette[data.names.indexOf(group) % data.palette.length];
  const dash = (group) => ["solid", "dash", "dashdot"][
    Math.floor(data.names.indexOf(group) / data.palette.length) % 3];
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // -- curves

  /** Exponential moving average that starts unbiased; gaps stay gaps. */
  function smooth(values) {
    if (!view.smoothing) return values;
    let sum = 0, weight = 0;
    return values.map((value) => {
      if (value === null) return null;
      sum = view.smoothing * sum + (1 - view.smoothing) * value;
      weight = view.smoothing * weight + (1 - view.smoothing);
      return sum / weight;
    });
  }

  const COLUMN = { clock: 0, seconds: 1, time: 2 };

  function course(run) {
    const curve = run.curves[view.metric];
    if (!curve) return null;
    let x = run.grids[curve[0]][COLUMN[view.axis]];
    if (x.every((value) => value === null)) return null;
    if (view.axis === "time") x = x.map((value) => value === null ? null : new Date(value * 1000));
    return { x, y: smooth(curve[1]) };
  }

  function line(run, extra) {
    const { x, y } = course(run);
    const rgb = color(run.group);
    return { x, y, type: "scatter", mode: x.length > 1 ? "lines" : "markers", legendgroup: run.group, showlegend: false,
             line: { color: rgb, width: 1 }, marker: { color: rgb },
             hovertemplate: `%{y:.4~g}<extra>${escape(run.name)}</extra>`, ...extra };
  }

  // Plotly reads a little HTML in names and hovers.
  const escape = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  function traces() {
    return data.names.flatMap((group) => {
      const runs = data.runs.filter((run) => run.group === group && course(run));
      if (!runs.length) return [];
      const hidden = view.hidden.has(group) ? "legendonly" : true;
      const aggregate = view.axis === "time" ? null : data.bands[group]?.[view.metric]?.[view.axis];
      const counted = new Set((data.groups.find((item) => item.name === group) || { runs: [] }).runs);
      const lines = [];
      for (const run of runs) {
        if (!counted.has(run.name)) lines.push(line(run, { line: { color: color(group), width: 1.5, dash: "dot" } }));
        else if (!aggregate) lines.push(line(run, {}));
        else if (view.seeds && counted.size > 1) lines.push(line(run, { opacity: 0.25, hoverinfo: "skip", hovertemplate: null }));
      }
      if (aggregate) lines.push(...band(group, aggregate, counted.size));
      else lines[0].showlegend = true;
      lines.forEach((trace) => { trace.visible = hidden; });
      const named = lines.find((trace) => trace.showlegend);
      named.name = escape(group);
      return lines;
    });
  }

  function band(group, [x, middle, low, high], n) {
    const rgb = color(group), shared = { legendgroup: group, type: "scatter", mode: "lines" };
    const edge = { ...shared, x, showlegend: false, hoverinfo: "skip", line: { width: 0, color: rgb } };
    const center = { ...shared, x, y: smooth(middle), showlegend: true, mode: x.length > 1 ? "lines" : "markers",
                     line: { color: rgb, width: 2.5, dash: dash(group) }, marker: { color: rgb },
                     hovertemplate: `%{y:.4~g}<extra>${escape(group)} (n=${n})</extra>` };
    if (low === null) return [center];
    return [{ ...edge, y: smooth(low) },
            { ...edge, y: smooth(high), fill: "tonexty", fillcolor: rgb + "26" }, center];
  }

  function axisTitle() {
    if (view.axis === "clock") return data.runs.find((run) => run.unit)?.unit || "clock";
    return view.axis === "seconds" ? "seconds trained" : "time of day";
  }

  function drawChart() {
    const narrow = window.innerWidth < 700, ink = css("--ink"), rule = css("--line");
    const grid = { gridcolor: rule, zerolinecolor: rule, linecolor: rule, automargin: true };
    const lines = traces();
    const layout = {
      margin: { l: 50, r: 10, t: 10, b: 40 }, font: { color: ink, family: "system-ui, sans-serif" },
      paper_bgcolor: "transparent", plot_bgcolor: "transparent", hovermode: "closest",
      uirevision: `${view.metric} ${view.axis} ${view.log}`,
      xaxis: { ...grid, title: { text: axisTitle() }, type: view.axis === "time" ? "date" : "linear" },
      yaxis: { ...grid, title: { text: view.metric || "" }, type: view.log ? "log" : "linear" },
      legend: narrow ? { orientation: "h", y: -0.25, font: { size: 11 } } : { font: { size: 12 } },
      annotations: lines.length ? [] : [{ text: "Nothing to draw yet", showarrow: false, font: { size: 16, color: css("--dim") } }],
    };
    Plotly.react("chart", lines, layout, { responsive: true, displayModeBar: false });
  }

  function listenToLegend() {
    const groupOf = (event) => event.data[event.curveNumber].legendgroup;
    $("chart").on("plotly_legendclick", (event) => {
      const group = groupOf(event);
      view.hidden.has(group) ? view.hidden.delete(group) : view.hidden.add(group);
      drawChart();
      return false;
    });
    $("chart").on("plotly_legenddoubleclick", (event) => {
      const others = data.names.filter((name) => name !== groupOf(event));
      const alone = others.every((name) => view.hidden.has(name));
      view.hidden = new Set(alone ? [] : others);
      drawChart();
      return false;
    });
  }

  // -- tables

  function table(id, columns, rows, heading = (column) => el("th", { class: column.number ? "number" : null }, column.title)) {
    $(id).replaceChildren(
      el("thead", {}, el("tr", {}, ...columns.map(heading))),
      el("tbody", {}, ...rows.map((row) => el("tr", {}, ...columns.map((column) =>
        el("td", { class: column.number ? "number" : null }, column.show(row)))))));
  }

  const named = (group) => el("span", {}, el("span", { class: "swatch", style: `background:${color(group)}` }), group);

  function drawGroups() {
    $("groups").hidden = !data.groups.length;
    if (!data.groups.length) return;
    $("compared").textContent = `${data.metric}, ${data.direction === "max" ? "higher" : "lower"} is better`;
    const figure = (title, show) => ({ title, number: true, show });
    table("group-table", [
      { title: "group", show: (group) => named(group.name) },
      figure("n", (group) => number(group.n)),
      figure("IQM", (group) => number(group.iqm)),
      ...(data.groups.some((group) => group.low !== null) ? [
        figure("95 % interval", (group) => group.low === null ? "–" : `[${number(group.low)}, ${number(group.high)}]`) ] : []),
      figure("mean", (group) => number(group.mean)),
      figure("best", (group) => number(group.best)),
      ...(data.groups.some((group) => group.passage) ? [
        figure("reached", (group) => `${group.passage.reached} of ${group.n}`),
        figure("at clock", (group) => number(group.passage.clock)),
        figure("after", (group) => duration(group.passage.seconds)) ] : []),
      figure("time", (group) => duration(group.seconds)),
      figure("rate", (group) => `${number(Math.round(group.rate))}/s`),
    ], data.groups);
    $("improvements").replaceChildren(...data.improvements.map((pair) => el("li", {},
      `P(${pair.better} better than ${pair.than}) = ${pair.probability.toFixed(2)} [${pair.low.toFixed(2)}, ${pair.high.toFixed(2)}]`)));
  }

  function drawDifferences() {
    const keys = Object.keys(data.groups[0]?.differing || {});
    $("differences").hidden = !keys.length;
    table("difference-table", [
      { title: "group", show: (group) => named(group.name) },
      ...keys.map((key) => ({ title: key, show: (group) => asText(group.differing[key]) })),
    ], data.groups);
  }

  function runColumns() {
    const tests = [...new Set(data.runs.flatMap((run) => Object.keys(run.test)))];
    const compared = tests.filter((name) => name === data.metric);
    const links = (run) => el("span", {}, ...Object.entries(run.links).filter(([, url]) => /^https?:/.test(url)).map(([name, url]) =>
      el("a", { href: url, rel: "noreferrer noopener", target: "_blank" }, `${name} `)));
    return [
      { key: "name", title: "run", show: (run) => run.name },
      { key: "group", title: "group", show: (run) => named(run.group) },
      { key: "state", title: "state", show: (run) => el("span", { class: run.state, title: run.error }, run.state) },
      { key: "seed", title: "seed", number: true, show: (run) => number(run.seed) },
      { key: "best", title: "best", number: true, show: (run) => number(run.best) },
      { key: "last", title: "last", number: true, show: (run) => number(run.last) },
      ...compared.map((name) => ({ key: name, title: name, number: true, show: (run) => number(run.test[name]) })),
      { key: "clock", title: "clock", number: true, show: (run) => number(run.clock) },
      { key: "seconds", title: "time", number: true, show: (run) => duration(run.seconds) },
      { key: "resume", title: "continue", show: (run) => el("code", {}, run.resume) },
      { key: "links", title: "links", show: links },
    ];
  }

  const cell = (run, key) => run[key] ?? run.test[key] ?? null;

  function byColumn(a, b) {
    const [x, y] = [cell(a, view.sort.key), cell(b, view.sort.key)];
    if (x === null || y === null) return (x === null) - (y === null);  // what is absent goes last
    const order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), "en", { numeric: true });
    return view.sort.down ? -order : order;
  }

  function drawRuns() {
    const query = view.filter.toLowerCase();
    const rows = data.runs.filter((run) => `${run.name} ${run.group} ${run.state}`.toLowerCase().includes(query));
    table("run-table", runColumns(), rows.sort(byColumn), (column) => {
      const sorted = view.sort.key === column.key;
      const direction = sorted ? (view.sort.down ? "descending" : "ascending") : null;
      const sort = () => { view.sort = { key: column.key, down: sorted && !view.sort.down }; drawRuns(); };
      return el("th", { class: column.number ? "number" : null, "aria-sort": direction },
                el("button", { type: "button", onclick: sort }, column.title));
    });
  }

  function drawLeft() {
    $("left").hidden = !data.left.length;
    $("left-list").replaceChildren(...data.left.map((excluded) =>
      el("li", {}, el("span", { class: excluded.state }, excluded.state), ` ${excluded.run}: ${excluded.why}`)));
  }

  // -- media

  function drawMedia() {
    const names = [...new Set(data.media.map((item) => item.name))].sort();
    $("media").hidden = !names.length;
    $("omitted").hidden = !data.omitted;
    if (data.omitted) $("omitted").textContent = `${data.omitted} files are not in this page, to keep it small; \`lab ui\` shows all.`;
    if (!names.length) return;
    if (!names.includes(view.media)) view.media = names[0];
    choose($("media-name"), names, view.media);
    const items = data.media.filter((item) => item.name === view.media);
    const clocks = [...new Set(items.map((item) => item.clock))].sort((a, b) => a - b);
    view.clocks = clocks;
    const index = Math.max(0, clocks.findLastIndex((clock) => clock <= view.clock));
    Object.assign($("media-clock"), { max: clocks.length - 1, value: index, disabled: clocks.length < 2 });
    $("media-at").textContent = number(clocks[index]);
    const latest = new Map();
    for (const item of items.sort((a, b) => a.clock - b.clock)) if (item.clock <= clocks[index]) latest.set(item.run, item);
    const current = [...latest.values()];
    const key = current.map((item) => `${item.run}/${item.file}`).join("\n");
    if ($("media-grid").dataset.shown === key) return;  // an animation goes on where it is
    $("media-grid").dataset.shown = key;
    $("media-grid").replaceChildren(...current.map((item) =>
      el("figure", {}, picture(item), el("figcaption", {}, `${item.run}, clock ${number(item.clock)}`))));
  }

  function picture(item) {
    const source = item.source ?? `media/${encodeURIComponent(item.run)}/${encodeURIComponent(item.file)}`;
    if (item.kind === "image") return el("img", { src: source, alt: `${item.name} of ${item.run}`, loading: "lazy" });
    if (item.kind === "video") return el("video", { src: source, controls: "", loop: "", muted: "" });
    const text = el("pre", {}, item.text ?? "");
    if (item.text === undefined) fetch(source).then((answer) => answer.text()).then((content) => { text.textContent = content; });
    return text;
  }

  // -- the page

  function choose(select, names, chosen) {
    if (select.options.length !== names.length || names.some((name, i) => select.options[i].value !== name)) {
      select.replaceChildren(...names.map((name) => el("option", { value: name }, name)));
    }
    select.value = chosen;
  }

  function draw() {
    $("note").hidden = !data.note;
    $("note").textContent = data.note;
    if (!data.metrics.includes(view.metric)) view.metric = data.metrics[0] ?? null;
    choose($("metric"), data.metrics, view.metric);
    $("clock").textContent = data.runs.find((run) => run.unit)?.unit || "clock";
    drawChart(); drawGroups(); drawDifferences(); drawRuns(); drawLeft(); drawMedia();
    say();
  }

  function say(problem) {
    const running = data ? data.runs.filter((run) => run.state === "running").length : 0;
    const count = data ? `${data.runs.length} runs` + (running ? `, ${running} running` : "") : "reading runs …";
    const when = data ? new Date(data.written * 1000).toLocaleString() : "";
    $("status").textContent = problem ?? (LIVE ? `${count}, live` : `${count}, written ${when}`);
    $("status").classList.toggle("lost", Boolean(problem));
  }

  function listen() {
    const on = (id, event, act) => $(id).addEventListener(event, act);
    on("controls", "submit", (event) => event.preventDefault());
    on("metric", "change", (event) => { view.metric = event.target.value; drawChart(); });
    on("axis", "change", (event) => { view.axis = event.target.value; drawChart(); });
    on("smoothing", "input", (event) => { view.smoothing = Number(event.target.value); $("smoothed").textContent = event.target.value; drawChart(); });
    on("seeds", "change", (event) => { view.seeds = event.target.checked; drawChart(); });
    on("log", "change", (event) => { view.log = event.target.checked; drawChart(); });
    on("filter", "input", (event) => { view.filter = event.target.value; drawRuns(); });
    on("media-name", "change", (event) => { view.media = event.target.value; drawMedia(); });
    on("media-clock", "input", (event) => { view.clock = view.clocks[event.target.value]; drawMedia(); });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawChart());
    matchMedia("(max-width: 700px)").addEventListener("change", () => drawChart());
  }

  async function follow() {
    let seen = null;
    for (;;) {
      try {
        const answer = await fetch("data.json", seen ? { headers: { "If-None-Match": seen } } : {});
        if (answer.status === 200) {
          data = await answer.json();
          seen = answer.headers.get("ETag");
          first();
        }
        say(answer.ok || answer.status === 304 ? undefined : await answer.text());
      } catch (error) {
        say("No answer: does `lab ui` still run?");
      }
      await new Promise((go) => setTimeout(go, POLL));
    }
  }

  let begun = false;
  function first() {
    draw();
    if (!begun) listenToLegend();
    begun = true;
  }

  listen();
  if (LIVE) { say(); follow(); }
  else { data = JSON.parse($("data").textContent); first(); }
})();
