// Numbers as people read them. NaN and undefined are a dash.

const plain = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
export const NOTHING = '–';

const known = (value) => value !== undefined && value !== null && !Number.isNaN(value);

// Three significant digits at most, without an exponent.
function short(value) {
  if (value >= 100) return plain.format(value);
  return String(Number(value.toPrecision(value >= 10 ? 3 : 2)));
}

export function count(value) {
  if (!known(value)) return NOTHING;
  if (value === Infinity) return 'no limit';
  if (value >= 1e9) return `${short(value / 1e9)} G`;
  if (value >= 1e7) return `${short(value / 1e6)} M`;
  return plain.format(value);
}

export function rate(value) {
  if (!known(value)) return NOTHING;
  if (value === 0) return '0';
  if (value < 0.05) return '< 0.1';
  if (value < 100) return value.toFixed(1);
  return count(value);
}

export function percent(ratio) {
  if (!known(ratio)) return NOTHING;
  if (ratio > 0 && ratio < 0.0001) return '< 0.01 %';
  if (ratio > 0.9999 && ratio < 1) return '> 99.99 %';
  return `${Number((ratio * 100).toFixed(ratio < 0.1 ? 2 : 1))} %`;
}

export function seconds(value) {
  if (!known(value)) return NOTHING;
  if (value < 0.0009995) return `${short(value * 1e6)} µs`;
  if (value < 0.9995) return `${short(value * 1e3)} ms`;
  return `${short(value)} s`;
}

export function bytes(value) {
  if (!known(value)) return NOTHING;
  if (value === Infinity) return 'no limit';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; ++unit) value /= 1024;
  return `${short(value)} ${units[unit]}`;
}

export function duration(value) {
  if (!known(value)) return NOTHING;
  const s = Math.floor(value);
  const [d, h, m] = [Math.floor(s / 86400), Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60];
  if (d) return `${d} d ${h} h`;
  if (h) return `${h} h ${m} min`;
  return m ? `${m} min ${s % 60} s` : `${s} s`;
}
