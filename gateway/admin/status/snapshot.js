// One document of /status.json, and the difference of two. No DOM here.

// Sums samples, of histograms too: {sum, counts}, where counts[i] belongs to bounds[i].
function addTo(into, value) {
  if (typeof value === 'number') return into + value;
  value.counts.forEach((count, i) => (into.counts[i] = (into.counts[i] ?? 0) + count));
  into.sum += value.sum;
  return into;
}

export class Snapshot {
  // As the document describes itself: see gateway/status_document.h.
  constructor(document) {
    this.instance = document.instance;
    this.uptime = document.uptime;  // seconds, of a clock that is never set
    this.ready = document.ready;
    this.readiness = document.readiness;
    this.endpoints = document.endpoints ?? [];
    this.withoutEndpoints = document.without_endpoints ?? [];
    this.functions = document.functions ?? [];
    this.families = new Map(Object.entries(document.families));
  }

  has(name) {
    return this.families.has(name);
  }

  bounds(name) {
    return this.families.get(name)?.bounds ?? [];
  }

  // The samples of a family as {labels: Map, value}; `where` picks those with these labels.
  *samples(name, where = {}) {
    const family = this.families.get(name);
    if (!family) return;
    const n = family.labels.length;
    const wanted = Object.entries(where).map(([key, value]) => [family.labels.indexOf(key), value]);
    for (const sample of family.samples) {
      if (!wanted.every(([at, value]) => sample[at] === value)) continue;
      const labels = new Map(family.labels.map((key, i) => [key, sample[i]]));
      const value =
        family.type === 'histogram' ? { sum: sample[n], counts: sample[n + 1] } : sample[n];
      yield { labels, value };
    }
  }

  // A counter that is 0 is left out of the document, so a sum of nothing is 0.
  sum(name, where) {
    let total = 0;
    for (const { value } of this.samples(name, where)) total += value ?? Infinity;
    return total;
  }

  histogram(name, where) {
    const total = { sum: 0, counts: this.bounds(name).map(() => 0).concat(0) };
    for (const { value } of this.samples(name, where)) addTo(total, value);
    return total;
  }

  // Sums by the values of some labels: a Map from keyOf(values) to the sum.
  sumBy(name, keys, where) {
    const sums = new Map();
    const zero = this.families.get(name)?.type === 'histogram'
      ? () => ({ sum: 0, counts: this.bounds(name).map(() => 0).concat(0) })
      : () => 0;
    for (const { labels, value } of this.samples(name, where)) {
      const key = keyOf(...keys.map((one) => labels.get(one)));
      sums.set(key, addTo(sums.get(key) ?? zero(), value));
    }
    return sums;
  }
}

// Label values as one string, and back. Names come from clients: no separator would be safe.
export const keyOf = (...values) => JSON.stringify(values);
export const valuesOf = (key) => JSON.parse(key);

export const countOf = (histogram) => histogram.counts.reduce((a, b) => a + b, 0);

// What happened between two snapshots of one instance.
export class Interval {
  constructor(older, newer) {
    this.older = older;
    this.newer = newer;
    this.seconds = newer.uptime - older.uptime;
  }

  // Per second.
  rate(name, where) {
    return Math.max(0, this.newer.sum(name, where) - this.older.sum(name, where)) / this.seconds;
  }

  rateBy(name, keys, where) {
    const before = this.older.sumBy(name, keys, where);
    const rates = new Map();
    for (const [key, value] of this.newer.sumBy(name, keys, where))
      rates.set(key, Math.max(0, value - (before.get(key) ?? 0)) / this.seconds);
    return rates;
  }

  histogram(name, where) {
    return difference(this.newer.histogram(name, where), this.older.histogram(name, where));
  }

  histogramBy(name, keys, where) {
    const before = this.older.sumBy(name, keys, where);
    const result = new Map();
    for (const [key, value] of this.newer.sumBy(name, keys, where))
      result.set(key, difference(value, before.get(key)));
    return result;
  }
}

function difference(newer, older) {
  // A histogram that was not there yet has no bounds either, and all have fewer once they are many.
  if (older?.counts.length !== newer.counts.length) return newer;
  return {
    sum: newer.sum - older.sum,
    counts: newer.counts.map((count, i) => Math.max(0, count - older.counts[i])),
  };
}

// histogram_quantile() of Prometheus, step by step, so that both show the same. `counts` are per
// bucket, one more than `bounds`; NaN when there are none.
export function quantile(q, bounds, counts) {
  const total = counts.reduce((a, b) => a + b, 0);
  if (total === 0) return NaN;
  let rank = q * total;
  let below = 0;
  for (let i = 0; i < bounds.length; ++i) {
    if (below + counts[i] >= rank) {
      const start = i === 0 ? 0 : bounds[i - 1];
      rank -= below;
      return start + (bounds[i] - start) * (rank / counts[i]);
    }
    below += counts[i];
  }
  return bounds[bounds.length - 1];
}
