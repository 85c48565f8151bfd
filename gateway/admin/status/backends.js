// The tables of the backends and their endpoints.
import { errorColumn, latencyColumns, rateColumn } from './columns.js';
import * as format from './format.js';
import { keyOf, quantile, valuesOf } from './snapshot.js';
import { Table } from './table.js';

const ATTEMPTS = 'zerogate_backend_requests_total';
const DURATION = 'zerogate_backend_request_duration_seconds';
const UP = 'zerogate_backend_up';
const NEAR = 0.8;  // of a limit: too near

const stateColumn = {
  title: 'State',
  words: 'brief',
  text: (row) => row.state,
  tone: (row) => (row.healthy ? 'good' : 'bad'),
};
const flightColumn = { title: 'In flight', text: (row) => format.count(row.flight) };

const sum = (values) => (values.length ? values.reduce((a, b) => a + b) : 0);

export class Backends {
  constructor() {
    this.section = document.getElementById('backend-section');
    this.backends = new Table('backend-table', {
      label: 'Backends',
      nothing: 'No backends.',
      wide: true,
      columns: [
        { title: 'Backend', name: true, text: (row) => row.name },
        stateColumn,
        rateColumn,
        errorColumn,
        ...latencyColumns,
        flightColumn,
        { title: 'Queue', text: (row) => row.queue, tone: (row) => row.queueTone },
        {
          title: 'Retries/s',
          text: (row) => format.rate(row.retries),
          tone: (row) => (row.retries > 0 ? 'warn' : ''),
        },
      ],
    });
    this.endpoints = new Table('endpoint-table', {
      label: 'Endpoints of the backends',
      nothing: 'No endpoints.',
      wide: true,
      columns: [
        { title: 'Endpoint', name: true, text: (row) => row.name },
        stateColumn,
        { title: 'Backend', words: 'long', text: (row) => row.backend },
        rateColumn,
        errorColumn,
        flightColumn,
        { title: 'Connections', text: (row) => format.count(row.connections) },
        { title: 'Total', text: (row) => format.count(row.total) },
        { title: 'Since', text: (row) => format.duration(row.since) },
        { title: 'Why', words: 'long', text: (row) => row.why },
      ],
    });
  }

  update({ newest: now, window }) {
    const names = [...now.sumBy('zerogate_backend_queue', ['backend']).keys()];
    this.section.hidden = names.length === 0;
    const endpoints = this.#endpointRows(now, window);
    this.endpoints.update([...endpoints, ...withoutEndpoints(now)]);
    this.backends.update(names.map((key) => {
      const own = endpoints.filter((one) => one.backend === valuesOf(key)[0]);
      return this.#backendRow(key, own, now, window);
    }));
  }

  // An endpoint that came back within the window goes on counting where it had ended: what it
  // counted long ago is no rate of now. So it has none until it was there for the whole window.
  #endpointRows(now, window) {
    const keys = ['backend', 'endpoint'];
    const before = window?.older.sumBy(UP, keys);
    const rates = window?.rateBy(ATTEMPTS, keys);
    const good = window?.rateBy(ATTEMPTS, keys, { outcome: 'ok' });
    const totals = now.sumBy(ATTEMPTS, keys);
    const connections = now.sumBy('zerogate_backend_connections', keys);
    const flight = now.sumBy('zerogate_backend_in_flight', keys);
    const told = new Map(now.endpoints.map((one) => [keyOf(one.backend, one.endpoint), one]));
    return [...now.sumBy(UP, keys)].map(([key, up]) => {
      const [backend, name] = valuesOf(key);
      const rate = before?.has(key) ? (rates.get(key) ?? 0) : undefined;
      return {
        key,
        name,
        backend,
        healthy: up > 0,
        state: up > 0 ? '● up' : `✕ ${told.get(key)?.state ?? 'down'}`,
        since: told.get(key)?.since_seconds,
        why: told.get(key)?.reason ?? '',
        rate,
        errors: rate === undefined ? undefined : rate - (good.get(key) ?? 0),
        flight: flight.get(key),
        connections: connections.get(key),
        total: totals.get(key) ?? 0,
      };
    });
  }

  #backendRow(key, endpoints, now, window) {
    const [backend] = valuesOf(key);
    const known = endpoints.filter((one) => one.rate !== undefined);
    const up = endpoints.filter((one) => one.healthy).length;
    const mark = up === 0 ? '✕ down' : up < endpoints.length ? '▲ partly up' : '● up';
    const queue = now.sum('zerogate_backend_queue', { backend });
    const limit = now.sum('zerogate_backend_queue_limit', { backend });
    const duration = window?.histogram(DURATION, { backend });
    return {
      key,
      name: backend,
      healthy: up > 0 && up === endpoints.length,
      state: `${mark} (${up} of ${endpoints.length})`,
      rate: window ? sum(known.map((one) => one.rate)) : undefined,
      errors: window ? sum(known.map((one) => one.errors)) : undefined,
      quantile: (q) => (duration ? quantile(q, now.bounds(DURATION), duration.counts) : NaN),
      flight: sum(endpoints.map((one) => one.flight)),
      queue: limit > 0 ? `${format.count(queue)} of ${format.count(limit)}` : format.count(queue),
      queueTone: limit > 0 && queue / limit > NEAR ? 'bad' : queue > 0 ? 'warn' : '',
      retries: window?.rate('zerogate_backend_retries_total', { backend }),
    };
  }
}

// A backend whose host name has no address has no endpoint that could tell why.
function withoutEndpoints(now) {
  return now.withoutEndpoints.map(({ backend, reason }) => ({
    key: keyOf(backend, ''),
    name: format.NOTHING,
    backend,
    healthy: false,
    state: '✕ no address',
    why: reason,
  }));
}
