// The tables: which rows and columns, from which metrics.
import { Backends } from './backends.js';
import { errorColumn, ifAny, latencyColumns, rateColumn, traffic } from './columns.js';
import * as format from './format.js';
import { keyOf, valuesOf } from './snapshot.js';
import { Table } from './table.js';

const REQUESTS = 'zerogate_requests_total';
const DURATION = 'zerogate_request_duration_seconds';

const place = (id) => document.getElementById(id);
const share = (part, whole) => (whole > 0 ? part / whole : 0);

class Functions {
  #KEYS = ['function', 'protocol'];

  constructor() {
    this.table = new Table('function-table', {
      label: 'Functions',
      nothing: 'No calls yet.',
      sortable: true,
      wide: true,
      columns: [
        { title: 'Function', name: true, text: (row) => row.name, sort: (row) => row.name },
        { title: 'Protocol', words: 'brief', text: (row) => row.protocol },
        rateColumn,
        { title: 'Trend', spark: (row) => row.points },
        errorColumn,
        { title: 'Total', text: (row) => format.count(row.total), sort: (row) => row.total },
        ...latencyColumns,
      ],
    });
  }

  // A row for each function and protocol that were called together, one for a function without
  // calls, none for the names that nobody knows when nobody used any.
  update(history) {
    const { newest: now, window, step } = history;
    const totals = now.sumBy(REQUESTS, this.#KEYS);
    const numbers = traffic(window, REQUESTS, DURATION, this.#KEYS);
    const steps = step?.rateBy(REQUESTS, this.#KEYS);
    const keysOf = new Map();
    for (const key of totals.keys()) {
      const [name] = valuesOf(key);
      keysOf.set(name, [...(keysOf.get(name) ?? []), key]);
    }
    const row = (name, key) => ({
      key,
      name: name === '_other' ? '(unknown names)' : name,
      protocol: valuesOf(key)[1] ?? format.NOTHING,
      total: totals.get(key) ?? 0,
      rate: numbers.rate(key),
      errors: numbers.errors(key),
      quantile: numbers.quantile(key),
      points: history.point(`function ${key}`, steps ? (steps.get(key) ?? 0) : NaN),
    });
    this.table.update(now.functions.flatMap((name) => {
      const uncalled = name === '_other' ? [] : [keyOf(name)];
      return (keysOf.get(name) ?? uncalled).map((key) => row(name, key));
    }));
  }
}

class Protocols {
  constructor() {
    this.table = new Table('protocol-table', {
      label: 'Protocols',
      nothing: 'No numbers.',
      wide: true,
      columns: [
        { title: 'Protocol', name: true, text: (row) => row.name },
        rateColumn,
        errorColumn,
        ...latencyColumns,
        { title: 'In flight', text: (row) => format.count(row.flight) },
        { title: 'Connections', text: (row) => row.connections },
        { title: 'In', text: (row) => `${format.bytes(row.received)}/s` },
        { title: 'Out', text: (row) => `${format.bytes(row.sent)}/s` },
      ],
    });
  }

  update({ newest: now, window }) {
    const numbers = traffic(window, REQUESTS, DURATION, ['protocol']);
    this.table.update(['tcp', 'zmq'].map((protocol) => {
      const open = format.count(now.sum('zerogate_connections', { protocol }));
      const limit = now.sum('zerogate_connections_limit', { protocol });
      const key = keyOf(protocol);
      return {
        key,
        name: protocol === 'tcp' ? 'tcp (raw TCP)' : 'zmq (ZeroMQ)',
        rate: numbers.rate(key),
        errors: numbers.errors(key),
        quantile: numbers.quantile(key),
        flight: now.sum('zerogate_requests_in_flight', { protocol }),
        connections: limit > 0 ? `${open} of ${format.count(limit)}` : open,
        received: window?.rate('zerogate_received_bytes_total', { protocol }),
        sent: window?.rate('zerogate_sent_bytes_total', { protocol }),
      };
    }));
  }
}

const WIRES = {
  T1: 'zeroapi before 1.0, TCP',
  T2: 'zeroapi before 1.0, TCP',
  T3: 'zeroapi 1.0.1, TCP',
  W1: 'zeroapi to 0.3.2, ZeroMQ',
  W2: 'zeroapi to 0.5.2, ZeroMQ',
  W3: 'zeroapi 0.6.0, ZeroMQ',
  W4: 'zeroapi 0.7.0, ZeroMQ',
  W5: 'zeroapi 0.8.0 to 1.0.1, ZeroMQ',
};

class Wires {
  constructor() {
    this.table = new Table('wire-table', {
      label: 'Client wires',
      nothing: 'No calls yet.',
      columns: [
        { title: 'Wire', name: true, text: (row) => row.wire },
        { title: 'Clients', words: 'long', text: (row) => WIRES[row.wire] ?? '' },
        rateColumn,
        { title: 'Share', text: (row) => format.percent(row.share), share: (row) => row.share },
      ],
    });
  }

  update({ newest: now, window }) {
    const all = now.sum(REQUESTS);
    const rates = window?.rateBy(REQUESTS, ['wire']);
    const totals = [...now.sumBy(REQUESTS, ['wire'])];
    this.table.update(totals.map(([key, total]) => ({
      key,
      wire: valuesOf(key)[0],
      rate: rates?.get(key),
      share: share(total, all),
    })).sort((a, b) => b.share - a.share));
  }
}

const OUTCOMES = {
  ok: 'answered',
  error: 'the function failed',
  not_found: 'no such function',
  invalid: 'wrong shape of a request',
  timeout: 'no answer in time',
  unavailable: 'what it needs is away',
  overloaded: 'a limit was reached',
  abandoned: 'the caller had gone',
  limited: 'over a rate limit',
};

class Outcomes {
  constructor() {
    this.table = new Table('outcome-table', {
      label: 'Outcomes',
      nothing: 'No calls yet.',
      columns: [
        { title: 'Outcome', name: true, text: (row) => row.outcome },
        { title: 'Meaning', words: 'long', text: (row) => OUTCOMES[row.outcome] ?? '' },
        rateColumn,
        { title: 'Total', text: (row) => format.count(row.total), tone: (row) => row.tone },
      ],
    });
  }

  update({ newest: now, window }) {
    const totals = now.sumBy(REQUESTS, ['outcome']);
    const rates = window?.rateBy(REQUESTS, ['outcome']);
    this.table.update(Object.keys(OUTCOMES).map((outcome) => {
      const key = keyOf(outcome);
      const total = totals.get(key) ?? 0;
      const rate = window ? (rates.get(key) ?? 0) : undefined;
      return { key, outcome, total, rate, tone: outcome !== 'ok' && rate > 0 ? 'bad' : '' };
    }));
  }
}

class Refused {
  constructor() {
    this.table = new Table('refused-table', {
      label: 'Refused connections and input',
      nothing: 'Nothing so far.',
      columns: [
        { title: 'Reason', name: true, text: (row) => row.reason },
        { title: 'Protocol', words: 'brief', text: (row) => row.protocol },
        { title: 'What', words: 'long', text: (row) => row.what },
        { ...rateColumn, tone: (row) => ifAny(row.rate) },
        { title: 'Total', text: (row) => format.count(row.total) },
      ],
    });
  }

  update({ newest: now, window }) {
    const rows = [];
    for (const [name, what] of [
      ['zerogate_connections_rejected_total', 'connection'],
      ['zerogate_malformed_total', 'input'],
    ]) {
      const rates = window?.rateBy(name, ['protocol', 'reason']);
      for (const [key, total] of now.sumBy(name, ['protocol', 'reason'])) {
        const [protocol, reason] = valuesOf(key);
        rows.push({ key: name + key, reason, protocol, what, total, rate: rates?.get(key) });
      }
    }
    const total = now.sum('zerogate_log_dropped_total');
    const rate = window?.rate('zerogate_log_dropped_total');
    if (total > 0)
      rows.push({ key: 'log', reason: 'queue full', protocol: '', what: 'log line', total, rate });
    this.table.update(rows);
  }
}

class Process {
  constructor() {
    this.table = new Table('process-table', {
      label: 'Process',
      nothing: 'No numbers.',
      columns: [
        { title: 'What', name: true, text: (row) => row.key },
        { title: 'Now', text: (row) => row.value },
      ],
    });
  }

  update({ newest: now, window }) {
    const open = format.count(now.sum('process_open_fds'));
    const held = now.sum('zerogate_memory_budget_bytes');
    const buffers = held - now.sum('zerogate_memory_budget_bytes', { use: 'connections' });
    const limit = now.sum('zerogate_memory_budget_limit_bytes');
    const rows = [
      ['Threads', format.count(now.sum('process_threads'))],
      ['Open files', `${open} of ${format.count(now.sum('process_max_fds'))}`],
      ['Virtual memory', format.bytes(now.sum('process_virtual_memory_bytes'))],
      ['Memory of buffers', `${format.bytes(buffers)} of ${format.bytes(limit)}`],
      ['Connections accepted/s', format.rate(window?.rate('zerogate_connections_accepted_total'))],
      ['Keep-alive frames/s', format.rate(window?.rate('zerogate_keep_alive_frames_total'))],
    ];
    this.table.update(rows.map(([key, value]) => ({ key, value })));
    const started = now.sum('process_start_time_seconds');
    place('started').textContent = started
      ? `Started ${new Date(started * 1000).toLocaleString()}.`
      : '';
  }
}

export class Tables {
  constructor() {
    const kinds = [Functions, Backends, Protocols, Wires, Outcomes, Refused, Process];
    this.all = kinds.map((Kind) => new Kind());
  }

  update(history) {
    for (const one of this.all) one.update(history);
  }
}
