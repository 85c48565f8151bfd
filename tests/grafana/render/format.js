// Numbers as people read them, by Grafana's names of units.
const kMetric = [
  [1e9, " G"],
  [1e6, " M"],
  [1e3, " K"],
  [1, ""],
];
const kBinary = [
  [2 ** 30, " GiB"],
  [2 ** 20, " MiB"],
  [2 ** 10, " KiB"],
  [1, " B"],
];
const kTime = [
  [86400, " days"],
  [3600, " hours"],
  [60, " mins"],
  [1, " s"],
  [1e-3, " ms"],
  [1e-6, " µs"],
];
const kPerSecond = {reqps: " req/s", ops: " ops/s", cps: " c/s"};

function digits(value, decimals) {
  if (decimals !== undefined) return value.toFixed(decimals);
  const rounded = Number(value.toPrecision(3));
  return String(rounded);
}

function scaled(value, steps, decimals) {
  const [size, suffix] = steps.find(([limit]) => Math.abs(value) >= limit * 0.9995) || steps.at(-1);
  return [digits(value / size, decimals), suffix];
}

// [number, suffix] of a value; the caller may set the suffix smaller.
function parts(value, unit, decimals) {
  if (value === null || value === undefined || Number.isNaN(value)) return ["no data", ""];
  if (unit === "string") return [String(value), ""];
  if (unit === "locale")
    return [value.toLocaleString("en-US", {maximumFractionDigits: decimals ?? 2}), ""];
  if (unit === "percentunit") return [digits(value * 100, decimals), "%"];
  if (unit === "s") return value === 0 ? ["0", " s"] : scaled(value, kTime, decimals);
  if (unit === "bytes") return scaled(value, kBinary, decimals);
  if (unit === "binBps") {
    const [number, suffix] = scaled(value, kBinary, decimals);
    return [number, `${suffix}/s`];
  }
  if (unit === "none") return [digits(value, decimals), ""];
  const [number, suffix] = scaled(value, kMetric, decimals);
  return [number, suffix + (kPerSecond[unit] || "")];
}

const format = (value, unit, decimals) => parts(value, unit, decimals).join("");

function clock(seconds) {
  return new Date(seconds * 1000).toISOString().slice(11, 19);
}
