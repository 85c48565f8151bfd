// What a panel's JSON says about its fields: names, colours, thresholds, overrides, reductions.
const kColors = {
  green: "#73bf69",
  yellow: "#fade2a",
  orange: "#ff9830",
  red: "#f2495c",
  blue: "#5794f2",
  purple: "#b877d9",
  text: "#ccccdc",
  "dark-red": "#c4162a",
  "dark-orange": "#fa6400",
  "light-blue": "#8ab8ff",
  "super-light-blue": "#c0d8ff",
};
const kPalette = [
  "#73bf69",
  "#f2cc0c",
  "#8ab8ff",
  "#ff780a",
  "#f2495c",
  "#5794f2",
  "#b877d9",
  "#705da0",
  "#37872d",
  "#fade2a",
  "#447ebc",
  "#c15c17",
  "#890f02",
  "#0a437c",
  "#6d1f62",
  "#3f6833",
];

const kReducers = {
  lastNotNull: ["Last *", (values) => values.at(-1)],
  mean: ["Mean", (values) => values.reduce((a, b) => a + b, 0) / values.length],
  max: ["Max", (values) => Math.max(...values)],
};

function reduce(values, name) {
  const present = values.filter((value) => value !== null);
  return present.length ? kReducers[name][1](present) : null;
}

function nameOf(series, legend) {
  if (legend !== "__auto")
    return legend.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, key) => series.labels[key] ?? "");
  return Object.entries(series.labels)
    .map(([key, value]) => `${key}="${value}"`)
    .join(", ");
}

function matches(matcher, name) {
  if (matcher.id === "byName") return matcher.options === name;
  if (matcher.id === "byRegexp") return new RegExp(matcher.options).test(name);
  throw new Error(`matcher ${matcher.id} is not drawn`);
}

// The defaults of a panel's fields with the overrides for `name`, flat: {unit, color, "custom.x"}.
function settings(panel, name) {
  const {custom = {}, ...defaults} = panel.fieldConfig.defaults;
  const all = {...defaults};
  for (const [key, value] of Object.entries(custom)) all[`custom.${key}`] = value;
  for (const {matcher, properties} of panel.fieldConfig.overrides)
    if (matches(matcher, name)) for (const {id, value} of properties) all[id] = value;
  return all;
}

function thresholdColor(thresholds, value) {
  let color = thresholds.steps[0].color;
  for (const step of thresholds.steps)
    if (step.value !== null && value >= step.value) color = step.color;
  return kColors[color];
}

function seriesColor(field, index) {
  if (field.color.mode === "fixed") return kColors[field.color.fixedColor];
  return kPalette[index % kPalette.length];
}

// What a value mapping makes of a value: {text, color}, or nothing.
function mapped(field, value) {
  for (const mapping of field.mappings || []) {
    const found = mapping.options[String(value)];
    if (found) return {text: found.text, color: kColors[found.color]};
  }
  return {};
}

// A colour laid over the panel's background, opaque: what lies behind it must not shine through.
function over(color, share) {
  const mix = (at, ground) =>
    Math.round(parseInt(color.slice(at, at + 2), 16) * share + ground * (1 - share));
  return `rgb(${mix(1, 0x18)}, ${mix(3, 0x1b)}, ${mix(5, 0x1f)})`;
}
