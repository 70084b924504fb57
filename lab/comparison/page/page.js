"use strict";
// Draws what report.py gathered. All text goes in by textContent: names of runs are anybody's.

(() => {
  const $ = (id) => document.getElementById(id);
  const LIVE = !$("data");
  const POLL = 2000;
  const view = { axis: "clock", smoothing: 0, seeds: true, log: false, filter: "",
                 sort: { key: "name", down: false }, media: null, clock: Infinity };
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

  function course(run, metric) {
    const curve = run.curves[metric];
    if (!curve) return null;
    let x = run.grids[curve[0]][COLUMN[view.axis]];
    if (x.every((value) => value === null)) return null;
    if (view.axis === "time") x = x.map((value) => value === null ? null : new Date(value * 1000));
    return { x, y: smooth(curve[1]) };
  }

  // Plotly reads a little HTML in names and hovers.
  const escape = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const matches = (run) => `${run.name} ${run.group} ${run.state} ${run.experiment} ${run.subject}`
    .toLowerCase().includes(view.filter.toLowerCase());
  const unfinished = (run) => run.state !== "finished";

  /** The runs of one task: a chart, a table of its groups, and the options in which they differ. */
  class Section {
    constructor(key) {
      this.key = key;
      this.hidden = new Set();
      this.metric = null;
      this.title = el("span");
      this.compared = el("small");
      this.select = el("select", { "aria-label": "Metric", onchange: (event) => { this.metric = event.target.value; this.chart(); } });
      this.plot = el("div", { class: "chart" });
      this.groups = el("table", { class: "groups" });
      this.tests = el("p", { class: "hint" });
      this.options = el("table", { class: "options" });
      this.more = el("details", {}, el("summary", {}, "Options that differ"), el("div", { class: "wide" }, this.options));
      this.node = el("section", { class: "task" }, el("h2", {}, this.title, this.select, this.compared),
                     this.plot, el("div", { class: "wide" }, this.groups), this.tests, this.more);
    }

    /** Show new data, or the same ones through another filter. */
    show(facts, runs) {
      this.facts = facts;
      this.runs = runs.filter(matches);
      this.node.hidden = !this.runs.length;
      if (this.node.hidden) return;
      this.node.setAttribute("aria-label", facts.subject);
      this.title.textContent = facts.subject;
      if (!facts.metrics.includes(this.metric)) this.metric = facts.metrics[0] ?? null;
      choose(this.select, facts.metrics, this.metric);
      this.names = Object.keys(facts.colors).filter((name) => this.runs.some((run) => run.group === name));
      this.chart();
      this.tables();
    }

    counted(group) {
      return (this.facts.groups.find((item) => item.name === group) || { runs: [] }).runs;
    }

    line(run, extra) {
      const { x, y } = course(run, this.metric), rgb = this.facts.colors[run.group];
      const dotted = unfinished(run) ? { dash: "dot", width: 1.5 } : { width: 1 };
      return { x, y, type: "scatter", mode: x.length > 1 ? "lines" : "markers", legendgroup: run.group, showlegend: false,
               line: { color: rgb, ...dotted }, marker: { color: rgb },
               hovertemplate: `%{y:.4~g}<extra>${escape(run.name)}</extra>`, ...extra };
    }

    /** What is fitted at once has no course: its result is a level line across the chart. */
    level(group, runs, ends) {
      const last = runs.map((run) => course(run, this.metric).y.at(-1));
      const y = last.reduce((sum, value) => sum + value, 0) / last.length, rgb = this.facts.colors[group];
      return { x: ends, y: [y, y], type: "scatter", mode: "lines", legendgroup: group, showlegend: true,
               line: { color: rgb, width: 2, dash: "dash" },
               hovertemplate: `%{y:.4~g}<extra>${escape(group)}, fitted at once</extra>` };
    }

    /** The first and last x of what has a course; of what is fitted at once where nothing has. */
    ends(runs) {
      const trained = runs.filter((run) => !run.fitted);
      const xs = (trained.length ? trained : runs).flatMap((run) => course(run, this.metric).x).filter((x) => x !== null);
      return [xs.reduce((a, b) => a < b ? a : b), xs.reduce((a, b) => a > b ? a : b)];
    }

    traces() {
      const drawn = this.runs.filter((run) => course(run, this.metric));
      if (!drawn.length) return [];
      const ends = this.ends(drawn);
      return this.names.flatMap((group) => {
        const runs = drawn.filter((run) => run.group === group);
        if (!runs.length) return [];
        const counted = new Set(this.counted(group));
        const aggregate = view.axis === "time" ? null : this.facts.bands[group]?.[this.metric]?.[view.axis];
        const lines = [];
        if (runs.every((run) => run.fitted)) lines.push(this.level(group, runs, ends));
        else {
          for (const run of runs) {
            if (!counted.has(run.name) || !aggregate) lines.push(this.line(run, {}));
            else if (view.seeds && counted.size > 1) lines.push(this.line(run, { opacity: 0.25, hoverinfo: "skip", hovertemplate: null }));
          }
          if (aggregate) lines.push(...this.band(group, aggregate, counted.size));
          else lines[0].showlegend = true;
        }
        const visible = this.hidden.has(group) ? "legendonly" : true;
        lines.forEach((trace) => { trace.visible = visible; });
        lines.find((trace) => trace.showlegend).name = escape(group);
        return lines;
      });
    }

    band(group, [x, middle, low, high], n) {
      const rgb = this.facts.colors[group], shared = { legendgroup: group, type: "scatter", mode: "lines" };
      const edge = { ...shared, x, showlegend: false, hoverinfo: "skip", line: { width: 0, color: rgb } };
      const center = { ...shared, x, y: smooth(middle), showlegend: true, mode: x.length > 1 ? "lines" : "markers",
                       line: { color: rgb, width: 2.5 }, marker: { color: rgb },
                       hovertemplate: `%{y:.4~g}<extra>${escape(group)} (n=${n})</extra>` };
      if (low === null) return [center];
      return [{ ...edge, y: smooth(low) },
              { ...edge, y: smooth(high), fill: "tonexty", fillcolor: rgb + "26" }, center];
    }

    /** The range of the curves alone: the band of two or three runs is many times as wide. */
    range() {
      const values = this.runs.flatMap((run) => course(run, this.metric)?.y ?? []).filter((y) => y !== null && (!view.log || y > 0));
      if (!values.length) return undefined;
      let [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
      if (view.log) [low, high] = [Math.log10(low), Math.log10(high)];
      const margin = 0.05 * (high - low || Math.abs(high) || 1);
      return [low - margin, high + margin];
    }

    chart() {
      const lines = this.traces(), narrow = matchMedia("(max-width: 700px)").matches;
      const grid = { gridcolor: css("--line"), zerolinecolor: css("--line"), automargin: true };
      const title = view.axis === "clock" ? this.facts.clock : view.axis === "seconds" ? "seconds trained" : "time of day";
      const layout = {
        font: { family: "system-ui, sans-serif", color: css("--ink") }, paper_bgcolor: "transparent",
        plot_bgcolor: "transparent", hovermode: "closest", uirevision: `${this.key}${this.metric}${view.axis}${view.log}`,
        margin: { l: 60, r: 15, t: 10, b: 45 },
        xaxis: { ...grid, title: { text: title }, type: view.axis === "time" ? "date" : "linear" },
        yaxis: { ...grid, title: { text: this.metric || "" }, type: view.log ? "log" : "linear", range: this.range() },
        showlegend: true,
        legend: narrow ? { orientation: "h", y: -0.25, font: { size: 11 } } : { font: { size: 12 } },
        annotations: lines.length ? [] : [{ text: "Nothing to draw yet", showarrow: false, font: { size: 16, color: css("--dim") } }],
      };
      const first = !this.plot.data;
      Plotly.react(this.plot, lines, layout, { responsive: true, displayModeBar: false });
      if (first) this.listen();
    }

    listen() {
      const groupOf = (event) => event.data[event.curveNumber].legendgroup;
      this.plot.on("plotly_legendclick", (event) => {
        const group = groupOf(event);
        this.hidden.has(group) ? this.hidden.delete(group) : this.hidden.add(group);
        this.chart();
        return false;
      });
      this.plot.on("plotly_legenddoubleclick", (event) => {
        const others = this.names.filter((name) => name !== groupOf(event));
        const alone = others.every((name) => this.hidden.has(name));
        this.hidden = new Set(alone ? [] : others);
        this.chart();
        return false;
      });
    }

    named(group) {
      return el("span", {}, el("span", { class: "swatch", style: `background:${this.facts.colors[group]}` }), group);
    }

    tables() {
      const facts = this.facts, groups = facts.groups.filter((group) => this.names.includes(group.name));
      this.groups.parentNode.hidden = !groups.length;
      this.compared.textContent = groups.length ? `${facts.metric}, ${facts.direction === "max" ? "higher" : "lower"} is better` : "";
      const figure = (title, show) => ({ title, number: true, show });
      const against = (group) => facts.differences.find((pair) => pair.than === group.name);
      const verdict = (pair) => pair ? `${pair.shown ? "worse" : "unclear"}, p = ${pair.p_value.toPrecision(2)}` : "–";
      table(this.groups, [
        { title: "group", show: (group) => this.named(group.name) },
        figure("n", (group) => number(group.n)),
        figure("mean", (group) => number(group.mean)),
        ...(groups.some((group) => group.low !== null) ? [
          figure("95 % interval", (group) => group.low === null ? "–" : `[${number(group.low)}, ${number(group.high)}]`) ] : []),
        figure("best", (group) => number(group.best)),
        ...(facts.differences.length ? [
          { title: "vs. best", show: (group) => verdict(against(group)) },
          figure("P(best wins)", (group) => against(group) ? against(group).probability.toFixed(2) : "–") ] : []),
        ...(groups.some((group) => group.time_to_threshold) ? [
          figure("reached", (group) => `${group.time_to_threshold.reached} of ${group.n}`),
          figure("at clock", (group) => number(group.time_to_threshold.clock)),
          figure("after", (group) => duration(group.time_to_threshold.seconds)) ] : []),
        figure("time", (group) => duration(group.seconds)),
        figure("rate", (group) => `${number(Math.round(group.rate))}/s`),
      ], groups);
      const tests = [...new Set(facts.differences.map((pair) => pair.test))];
      this.tests.textContent = tests.length ? `p: ${tests.join(" or ")} beside the best group, corrected by Holm for all pairs.` : "";
      const keys = [...new Set(groups.flatMap((group) => Object.keys(group.differing)))];
      this.more.hidden = !keys.length;
      table(this.options, [
        { title: "group", show: (group) => this.named(group.name) },
        ...keys.map((key) => ({ title: key, show: (group) => key in group.differing ? asText(group.differing[key]) : "" })),
      ], groups);
    }
  }

  // -- tables

  function table(node, columns, rows, heading = (column) => el("th", { class: column.number ? "number" : null }, column.title)) {
    node.replaceChildren(
      el("thead", {}, el("tr", {}, ...columns.map(heading))),
      el("tbody", {}, ...rows.map((row) => el("tr", {}, ...columns.map((column) =>
        el("td", { class: column.number ? "number" : null }, column.show(row)))))));
  }

  function runColumns() {
    const tests = [...new Set(data.runs.flatMap((run) => Object.keys(run.test)))];
    const compared = tests.filter((name) => data.sections.some((section) => section.metric === name));
    const links = (run) => el("span", {}, ...Object.entries(run.links).filter(([, url]) => /^https?:/.test(url)).map(([name, url]) =>
      el("a", { href: url, rel: "noreferrer noopener", target: "_blank" }, `${name} `)));
    return [
      { key: "name", title: "run", show: (run) => run.name },
      { key: "group", title: "group", show: (run) => run.group },
      { key: "subject", title: "learns from", show: (run) => run.subject },
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
    table($("run-table"), runColumns(), data.runs.filter(matches).sort(byColumn), (column) => {
      const sorted = view.sort.key === column.key;
      const direction = sorted ? (view.sort.down ? "descending" : "ascending") : null;
      const sort = () => { view.sort = { key: column.key, down: sorted && !view.sort.down }; drawRuns(); };
      return el("th", { class: column.number ? "number" : null, "aria-sort": direction },
                el("button", { type: "button", onclick: sort }, column.title));
    });
  }

  function drawLeft() {
    $("left").hidden = !data.excluded.length;
    $("left-list").replaceChildren(...data.excluded.map((excluded) =>
      el("li", {}, el("span", { class: excluded.state }, excluded.state), ` ${excluded.run}: ${excluded.why}`)));
  }

  // -- media

  function drawMedia() {
    const shown = new Set(data.runs.filter(matches).map((run) => run.name));
    const media = data.media.filter((item) => shown.has(item.run));
    const names = [...new Set(media.map((item) => item.name))].sort();
    $("media").hidden = !names.length;
    $("omitted").hidden = !data.omitted;
    if (data.omitted) $("omitted").textContent = `${data.omitted} files are not in this page, to keep it small; \`lab ui\` shows all.`;
    if (!names.length) return;
    if (!names.includes(view.media)) view.media = names[0];
    choose($("media-name"), names, view.media);
    const items = media.filter((item) => item.name === view.media);
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
    $("dotted").hidden = !data.runs.some(unfinished);
    $("level").hidden = !data.runs.some((run) => run.fitted);
    drawSections(); drawRuns(); drawLeft(); drawMedia();
    say();
  }

  const sections = new Map();

  function drawSections() {
    const keys = data.sections.map((facts) => `${facts.subject} ${facts.objective} ${facts.direction}`);
    for (const [key, section] of sections) if (!keys.includes(key)) { section.node.remove(); sections.delete(key); }
    data.sections.forEach((facts, index) => {
      const section = sections.get(keys[index]) ?? new Section(keys[index]);
      sections.set(keys[index], section);
      if (!section.node.isConnected) $("sections").append(section.node);
      section.show(facts, facts.runs.map((name) => data.runs.find((run) => run.name === name)));
    });
  }

  const drawCharts = () => sections.forEach((section) => { if (!section.node.hidden) section.chart(); });

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
    on("axis", "change", (event) => { view.axis = event.target.value; drawCharts(); });
    on("smoothing", "input", (event) => { view.smoothing = Number(event.target.value); $("smoothed").textContent = event.target.value; drawCharts(); });
    on("seeds", "change", (event) => { view.seeds = event.target.checked; drawCharts(); });
    on("log", "change", (event) => { view.log = event.target.checked; drawCharts(); });
    on("filter", "input", (event) => { view.filter = event.target.value; drawSections(); drawRuns(); drawMedia(); });
    on("media-name", "change", (event) => { view.media = event.target.value; drawMedia(); });
    on("media-clock", "input", (event) => { view.clock = view.clocks[event.target.value]; drawMedia(); });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawCharts());
    matchMedia("(max-width: 700px)").addEventListener("change", () => drawCharts());
  }

  async function follow() {
    let seen = null;
    for (;;) {
      try {
        const answer = await fetch("data.json", seen ? { headers: { "If-None-Match": seen } } : {});
        if (answer.status === 200) {
          data = await answer.json();
          seen = answer.headers.get("ETag");
          draw();
        }
        say(answer.ok || answer.status === 304 ? undefined : await answer.text());
      } catch (error) {
        say("No answer: does `lab ui` still run?");
      }
      await new Promise((go) => setTimeout(go, POLL));
    }
  }

  listen();
  if (LIVE) { say(); follow(); }
  else { data = JSON.parse($("data").textContent); draw(); }
})();
