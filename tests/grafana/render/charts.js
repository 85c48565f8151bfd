// Time series and heat maps, drawn by uPlot, the library that Grafana draws them with.
const kGridColor = "rgba(204, 204, 220, 0.09)";
const kAxisColor = "#9d9dab";
const kFont = "12px Inter";

function axes(yOptions) {
  const common = {
    stroke: kAxisColor,
    font: kFont,
    grid: {stroke: kGridColor, width: 1},
    ticks: {show: false},
  };
  return [
    {...common, size: 24, space: 90, values: (_, splits) => splits.map((s) => clock(s))},
    {...common, gap: 4, ...yOptions},
  ];
}

function axisWidth(chart, values) {
  if (!values) return 50;
  const longest = values.reduce((a, b) => (String(b ?? "").length > a.length ? String(b) : a), "");
  chart.ctx.font = kFont;
  return chart.ctx.measureText(longest).width / devicePixelRatio + 14;
}

function draw(element, options, data) {
  const {width, height} = element.getBoundingClientRect();
  new uPlot(
    {
      width,
      height,
      padding: [8, 6, 0, 0],
      cursor: {show: false},
      legend: {show: false},
      ...options,
    },
    data,
    element,
  );
}

// All series of all targets on the times that any of them has.
function collect(panel, results) {
  const times = [
    ...new Set(results.flatMap((r) => r.series.flatMap((s) => s.points.map((p) => p[0])))),
  ].sort((a, b) => a - b);
  const list = [];
  for (const result of results)
    for (const one of result.series) {
      const name = nameOf(one, result.legend);
      const byTime = new Map(one.points);
      const values = times.map((time) => byTime.get(time) ?? null);
      list.push({name, values, field: settings(panel, name)});
    }
  list.forEach((one, index) => (one.color = seriesColor(one.field, index)));
  return {times, list};
}

// Each series on top of those before it.
function stack(list) {
  let below = null;
  for (const one of list) {
    one.drawn = one.values.map((value, i) =>
      value === null && !below ? null : (value ?? 0) + (below ? (below[i] ?? 0) : 0),
    );
    below = one.drawn;
  }
}

// Steps of an axis of bytes: powers of two.
const kBinarySteps = Array.from({length: 50}, (_, power) => 2 ** power);

function uplotSeries(one, stacked, bars) {
  const opacity = (one.field["custom.fillOpacity"] ?? 0) / 100;
  const dash =
    one.field["custom.lineStyle"]?.fill === "dash" ? one.field["custom.lineStyle"].dash : undefined;
  return {
    stroke: one.color,
    width: bars ? 0 : one.field["custom.lineWidth"] * 1.3,
    dash,
    fill: opacity ? (stacked || bars ? over(one.color, opacity) : `${one.color}1a`) : undefined,
    points: {show: false},
    paths: bars ? uPlot.paths.bars({size: [1, 100]}) : undefined,
  };
}

function thresholdLines(panel) {
  const {thresholds, custom} = panel.fieldConfig.defaults;
  if (custom.thresholdsStyle.mode === "off") return [];
  return thresholds.steps
    .filter((step) => step.value !== null)
    .map((step) => ({at: step.value, color: kColors[step.color]}));
}

function drawThresholds(lines) {
  return (chart) => {
    for (const {at, color} of lines) {
      const y = chart.valToPos(at, "y", true);
      if (y < chart.bbox.top || y > chart.bbox.top + chart.bbox.height) continue;
      chart.ctx.save();
      chart.ctx.strokeStyle = color;
      chart.ctx.setLineDash([8, 6]);
      chart.ctx.beginPath();
      chart.ctx.moveTo(chart.bbox.left, y);
      chart.ctx.lineTo(chart.bbox.left + chart.bbox.width, y);
      chart.ctx.stroke();
      chart.ctx.restore();
    }
  };
}

function yRange(defaults, log) {
  if (log) return undefined;
  return (_, low, high) => {
    const min = defaults.min ?? Math.min(low ?? 0, 0) * 1.1;
    return [min, defaults.max ?? ((high || 0) > 0 ? high * 1.08 : 1)];
  };
}

// Powers of ten, and what divides them well when there are few.
function logSplits(_, __, min, max) {
  const splits = [];
  const steps = Math.log10(max / min) > 2.2 ? [1] : [1, 2, 5];
  for (let power = Math.floor(Math.log10(min)); power <= Math.ceil(Math.log10(max)); ++power)
    for (const step of steps) {
      const at = step * 10 ** power;
      if (at >= min * 0.999 && at <= max * 1.001) splits.push(at);
    }
  return splits;
}

function timeseries(element, panel, {times, list}, range) {
  const {custom, unit} = panel.fieldConfig.defaults;
  const stacked = custom.stacking.mode !== "none",
    bars = custom.drawStyle === "bars";
  const log = custom.scaleDistribution.type === "log";
  if (stacked) stack(list);
  for (const one of list)
    if (log) one.drawn = one.values.map((value) => (value > 0 ? value : null));
    else if (one.field["custom.transform"] === "negative-Y")
      one.drawn = one.values.map((value) => value && -value);
  const order = stacked || bars ? [...list].reverse() : list;
  const values = (_, splits) => splits.map((split) => format(Math.abs(split), unit));
  const options = {
    scales: {
      x: {time: true, range: () => range},
      y: {distr: log ? 3 : 1, range: yRange(panel.fieldConfig.defaults, log)},
    },
    axes: axes({
      size: axisWidth,
      values,
      space: 26,
      splits: log ? logSplits : undefined,
      ...(unit === "bytes" || unit === "binBps" ? {incrs: kBinarySteps} : {}),
    }),
    series: [{}, ...order.map((one) => uplotSeries(one, stacked, bars))],
    hooks: {draw: [drawThresholds(thresholdLines(panel))]},
  };
  draw(element, options, [times, ...order.map((one) => one.drawn || one.values)]);
}

const kSchemes = {
  Oranges: [
    [38, 30, 26],
    [166, 84, 24],
    [255, 205, 140],
  ],
  Purples: [
    [32, 29, 40],
    [113, 82, 170],
    [222, 205, 255],
  ],
  Reds: [
    [38, 27, 28],
    [178, 50, 52],
    [255, 190, 170],
  ],
};

function schemeColor(scheme, share) {
  const stops = kSchemes[scheme],
    at = share * (stops.length - 1),
    low = Math.min(Math.floor(at), stops.length - 2);
  return `rgb(${stops[low].map((value, i) => Math.round(value + (stops[low + 1][i] - value) * (at - low))).join()})`;
}

// Cumulative buckets, in the order of their bounds, to what each bucket holds alone.
function buckets(results) {
  const bound = (series) => (series.labels.le === "+Inf" ? Infinity : Number(series.labels.le));
  const rows = [...results[0].series].sort((a, b) => bound(a) - bound(b));
  return rows.map((row, i) => ({
    bound: bound(row),
    points: row.points.map(([time, value], j) => [
      time,
      Math.max(0, value - (i ? rows[i - 1].points[j][1] : 0)),
    ]),
  }));
}

function heatmap(element, panel, results, range) {
  const rows = buckets(results),
    times = rows[0].points.map(([time]) => time);
  const step = times[1] - times[0];
  const {color, filterValues, yAxis} = panel.options;
  const most = Math.max(...rows.flatMap((row) => row.points.map(([, value]) => value)));
  const names = rows.map((row) =>
    row.bound === Infinity ? "+Inf" : format(row.bound, yAxis.unit),
  );
  const cells = (chart) => {
    rows.forEach((row, i) => {
      const top = chart.valToPos(i + 1, "y", true),
        bottom = chart.valToPos(i, "y", true);
      for (const [time, value] of row.points) {
        if (value <= filterValues.le) continue;
        const left = Math.max(chart.valToPos(time - step, "x", true), chart.bbox.left),
          right = chart.valToPos(time, "x", true);
        chart.ctx.fillStyle = schemeColor(color.scheme, (value / most) ** color.exponent);
        chart.ctx.fillRect(
          left,
          top,
          right - left - panel.options.cellGap,
          bottom - top - panel.options.cellGap,
        );
      }
    });
  };
  const options = {
    scales: {x: {time: true, range: () => range}, y: {range: () => [0, rows.length]}},
    axes: axes({
      size: axisWidth,
      splits: () => rows.map((_, i) => i + 1),
      values: () => names,
      space: 10,
      font: "11px Inter",
      grid: {show: false},
    }),
    series: [{}, {stroke: "transparent", points: {show: false}}],
    hooks: {draw: [cells]},
  };
  draw(element, options, [times, times.map(() => 0)]);
}
