// What several tables have in common.
import * as format from './format.js';
import { quantile } from './snapshot.js';

export const ifAny = (value) => (value > 0 ? 'bad' : '');

export const rateColumn = {
  title: 'Rate/s',
  text: (row) => format.rate(row.rate),
  sort: (row) => row.rate,
};
export const errorColumn = {
  title: 'Errors/s',
  text: (row) => format.rate(row.errors),
  tone: (row) => ifAny(row.errors),
  sort: (row) => row.errors,
};
export const latencyColumns = [['p50', 0.5], ['p90', 0.9], ['p99', 0.99], ['p99.9', 0.999]].map(
  ([title, q]) => ({
    title,
    text: (row) => format.seconds(row.quantile(q)),
    sort: (row) => row.quantile(q),
  }),
);

// Rates of all requests and of those that did not end well, and the durations, for each group.
export function traffic(window, requests, durations, keys) {
  const none = { rate: () => undefined, errors: () => undefined, quantile: () => () => NaN };
  if (!window) return none;
  const all = window.rateBy(requests, keys);
  const good = window.rateBy(requests, keys, { outcome: 'ok' });
  const histograms = window.histogramBy(durations, keys);
  return {
    rate: (key) => all.get(key) ?? 0,
    errors: (key) => (all.get(key) ?? 0) - (good.get(key) ?? 0),
    quantile: (key) => (q) =>
      histograms.has(key)
        ? quantile(q, window.newer.bounds(durations), histograms.get(key).counts)
        : NaN,
  };
}
