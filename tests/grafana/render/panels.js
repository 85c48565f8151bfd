// The panels that are no charts, legends, and the page as a whole.
function make(parent, tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}

function legend(parent, panel, list) {
  const {calcs, displayMode, sortBy} = panel.options.legend;
  const value = (one, calc) => format(reduce(one.values, calc), one.field.unit, one.field.decimals);
  const rows = [...list];
  if (sortBy) {
    const by = calcs.find((calc) => kReducers[calc][0] === sortBy);
    rows.sort((a, b) => (reduce(b.values, by) ?? 0) - (reduce(a.values, by) ?? 0));
  }
  if (displayMode === "list") {
    for (const one of rows) {
      const item = make(parent, "span", "item");
      make(item, "b").style.background = one.color;
      item.append(one.name);
      for (const calc of calcs)
        make(item, "span", "calc", `${kReducers[calc][0].toLowerCase()}: ${value(one, calc)}`);
    }
    return;
  }
  const table = make(parent, "table"),
    head = make(table, "tr");
  make(head, "th", "", "");
  for (const calc of calcs)
    make(head, "th", "", kReducers[calc][0] + (kReducers[calc][0] === sortBy ? " ▾" : ""));
  for (const one of rows) {
    const line = make(table, "tr"),
      name = make(line, "td");
    make(name, "b").style.background = one.color;
    name.append(one.name);
    for (const calc of calcs) make(line, "td", "", value(one, calc));
  }
}

function drawTimeseries(body, panel, results, range) {
  const data = collect(panel, results);
  body.classList.add(panel.options.legend.placement);
  const chart = make(body, "div", "chart");
  legend(make(body, "div", "legend"), panel, data.list);
  timeseries(chart, panel, data, range);
}

function sparkline(parent, points, color) {
  const {width, height} = parent.getBoundingClientRect();
  const present = points.filter(([, value]) => value !== null);
  if (present.length < 2) return;
  const [from, to] = [present[0][0], present.at(-1)[0]];
  const most = Math.max(...present.map(([, value]) => value)) || 1;
  const tall = height * 0.45;
  const line = present
    .map(
      ([time, value]) =>
        `${((time - from) / (to - from)) * width},${height - 2 - (value / most) * tall}`,
    )
    .join(" ");
  parent.insertAdjacentHTML(
    "beforeend",
    `<svg width="${width}" height="${height}">
    <polygon points="0,${height} ${line} ${width},${height}" fill="${color}" fill-opacity="0.15"/>
    <polyline points="${line}" fill="none" stroke="${color}" stroke-width="1.3"/></svg>`,
  );
}

function drawStat(body, panel, results) {
  const box = make(body, "div", panel.options.graphMode === "area" ? "stat graph" : "stat");
  for (const result of results)
    for (const series of result.series) {
      const name = nameOf(series, result.legend),
        field = settings(panel, name);
      const value = reduce(
        series.points.map((point) => point[1]),
        panel.options.reduceOptions.calcs[0],
      );
      const {text, color = thresholdColor(field.thresholds, value)} = mapped(field, value);
      const number = make(box, "div", "number");
      number.style.color = color;
      if (panel.options.textMode === "value_and_name") make(number, "div", "name", name);
      const [digitsText, suffix] = text ? [text, ""] : parts(value, field.unit, field.decimals);
      number.append(digitsText);
      make(number, "small", "", suffix);
      if (panel.options.graphMode === "area") sparkline(box, series.points, color);
    }
}

const kCells = 44;

function drawBarGauge(body, panel, results) {
  const box = make(body, "div", "bars");
  for (const result of results)
    for (const series of result.series) {
      const name = nameOf(series, result.legend),
        field = settings(panel, name);
      const value = reduce(
        series.points.map((point) => point[1]),
        panel.options.reduceOptions.calcs[0],
      );
      make(box, "div", "name", name);
      const cells = make(box, "div", "cells");
      for (let i = 0; i < kCells; ++i) {
        const at = field.min + ((i + 0.5) / kCells) * (field.max - field.min);
        const lit = value > at - (field.max - field.min) / kCells / 2;
        make(cells, "i").style.background = over(
          thresholdColor(field.thresholds, at),
          lit ? 0.95 : 0.13,
        );
      }
      make(box, "div", "number", format(value, field.unit, field.decimals)).style.color =
        thresholdColor(field.thresholds, value);
    }
}

function drawTimeline(body, panel, results, [from, to]) {
  const box = make(body, "div", "lanes");
  const place = (time) => `${((time - from) / (to - from)) * 100}%`;
  for (const result of results)
    for (const series of result.series) {
      const name = nameOf(series, result.legend),
        field = settings(panel, name);
      make(box, "div", "name", name);
      const lane = make(box, "div", "lane");
      for (let i = 0; i < series.points.length;) {
        const [begin, value] = series.points[i];
        while (i < series.points.length && series.points[i][1] === value) ++i;
        const end = i < series.points.length ? series.points[i][0] : to;
        const {text, color} = mapped(field, value);
        const span = make(lane, "span", "", text);
        Object.assign(span.style, {
          left: place(begin),
          width: `calc(${place(from + end - begin)})`,
          background: over(color, field["custom.fillOpacity"] / 100),
        });
      }
    }
  const ticks = make(box, "div", "ticks"),
    step = niceStep((to - from) / 5);
  for (let time = Math.ceil(from / step) * step; time < to - step / 3; time += step)
    make(ticks, "span", "", clock(time)).style.left = place(time);
}

const niceStep = (seconds) =>
  [1, 2, 5, 10, 15, 30, 60, 120, 300, 600].find((step) => step >= seconds) || 1800;

// Rows of a table: what its targets return, through the transformations that it asks for.
function tableRows(panel, results) {
  const rows = new Map();
  results.forEach((result) => {
    const column = results.length > 1 ? `Value #${result.ref}` : "Value";
    for (const series of result.series) {
      const {__name__, ...labels} = series.labels;
      const key =
        panel.transformations[0].id === "merge" ? shared(rows, labels) : JSON.stringify(labels);
      rows.set(key, {...rows.get(key), ...labels, [column]: series.points[0][1]});
    }
  });
  return [...rows.values()];
}

// The row whose labels do not contradict `labels`, or a new one.
function shared(rows, labels) {
  for (const [key, row] of rows)
    if (
      Object.entries(labels).every(
        ([name, value]) => row[name] === undefined || row[name] === value,
      )
    )
      return key;
  return JSON.stringify(labels);
}

function drawTable(body, panel, results) {
  const organize = panel.transformations.find(({id}) => id === "organize").options;
  const sort = panel.transformations.find(({id}) => id === "sortBy").options.sort[0];
  const rows = tableRows(panel, results).map((row) => {
    const kept = Object.entries(row).filter(([key]) => !organize.excludeByName[key]);
    kept.sort(([a], [b]) => (organize.indexByName[a] ?? 99) - (organize.indexByName[b] ?? 99));
    return Object.fromEntries(
      kept.map(([key, value]) => [organize.renameByName[key] ?? key, value]),
    );
  });
  rows.sort((a, b) => (sort.desc ? -1 : 1) * (a[sort.field] > b[sort.field] ? 1 : -1));
  const table = make(make(body, "div", "table"), "table"),
    head = make(table, "tr");
  const names = Object.keys(Object.assign({}, ...rows));
  for (const name of names) make(head, "th", typeof rows[0][name] === "string" ? "text" : "", name);
  for (const row of rows) {
    const line = make(table, "tr");
    for (const name of names) {
      const field = settings(panel, name),
        value = row[name];
      const isText = typeof value === "string";
      const text =
        mapped(field, value).text ??
        (isText ? value : value === undefined ? "" : format(value, field.unit, field.decimals));
      const cell = make(line, "td", isText ? "text" : "", text);
      if (field["custom.cellOptions"].type === "color-text")
        cell.style.color = thresholdColor(field.thresholds, value);
    }
  }
}

const kDrawers = {
  timeseries: drawTimeseries,
  stat: drawStat,
  bargauge: drawBarGauge,
  table: drawTable,
  "state-timeline": drawTimeline,
  heatmap: (body, panel, results, range) =>
    heatmap(make(body, "div", "chart"), panel, results, range),
};
const kUnitHeight = 38;

function place(element, {x, y, w, h}) {
  const width = (document.body.clientWidth - 16) / 24;
  Object.assign(element.style, {
    left: `${x * width}px`,
    top: `${y * kUnitHeight}px`,
    width: `${w * width}px`,
    height: `${h * kUnitHeight}px`,
  });
}

function drawPage({title, variables, note, range, panels}) {
  const header = make(document.body, "header");
  make(header, "h1", "", title);
  for (const [label, value] of variables) {
    const box = make(header, "div", "variable");
    make(box, "span", "", label);
    make(box, "span", "", value);
  }
  make(header, "div", "note", note);
  const grid = make(document.body, "div");
  grid.id = "grid";
  for (const {panel, heading, position, results} of panels) {
    if (panel.type === "row") {
      place(make(grid, "div", "row", `⌄  ${heading}`), position);
      continue;
    }
    const box = make(grid, "div", "panel"),
      inner = make(box, "div");
    place(box, position);
    make(inner, "h2", "", heading);
    kDrawers[panel.type](make(inner, "div", "body"), panel, results, range);
  }
}
