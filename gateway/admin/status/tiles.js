// The numbers at the top.
import { Tile } from './elements.js';
import * as format from './format.js';
import { countOf, quantile, valuesOf } from './snapshot.js';

const REQUESTS = 'zerogate_requests_total';
const DURATION = 'zerogate_request_duration_seconds';
const LAG = 'zerogate_loop_lag_seconds';
const COMMANDS = 'zerogate_redis_commands_total';

const NEAR = 0.8;  // of a limit: too near
const STUCK_S = 1;  // longer than this no turn of an event loop takes

function ofLimit(now, name, where) {
  if (!now.has(name)) return { limit: '', tone: '' };
  const used = now.sum(name.replace(/_limit$/, ''), where);
  const limit = now.sum(name, where);
  return { limit: `of ${format.count(limit)}`, tone: limit && used / limit > NEAR ? 'bad' : '' };
}

function redisTile(now, window) {
  const failed = window ? window.rate(COMMANDS) - window.rate(COMMANDS, { outcome: 'ok' }) : NaN;
  const rate = window?.rate(COMMANDS);
  const up = now.sum('zerogate_redis_up') > 0;
  // A gateway whose functions need no Redis connects to none: that is no failure.
  const used = now.sum(COMMANDS) > 0;
  return {
    value: up ? 'up' : used ? 'down' : 'not connected',
    tone: up ? (failed > 0 ? 'bad' : 'good') : used ? 'bad' : 'quiet',
    detail: failed > 0
      ? `${format.rate(failed)} of ${format.rate(rate)} commands/s fail`
      : `${format.rate(rate)} commands/s`,
  };
}

// Which outcomes the errors have, most frequent first.
function kindsOfErrors(window) {
  return [...window.rateBy(REQUESTS, ['outcome'])]
    .map(([key, rate]) => [valuesOf(key)[0], rate])
    .filter(([outcome, rate]) => outcome !== 'ok' && rate > 0)
    .sort((a, b) => b[1] - a[1])
    .slice(0, 2)
    .map(([outcome, rate]) => `${outcome} ${format.rate(rate)}/s`)
    .join(', ');
}

export class Tiles {
  constructor(list) {
    const names = {
      rate: 'Requests per second',
      errors: 'Errors',
      p50: 'p50',
      p90: 'p90',
      p99: 'p99',
      p999: 'p99.9',
      flight: 'In flight',
      connections: 'Connections',
      lag: 'Loop lag p99',
      cpu: 'CPU',
      memory: 'Memory',
      redis: 'Redis',
    };
    this.tiles = {};
    for (const [id, label] of Object.entries(names)) this.tiles[id] = new Tile(list, id, label);
  }

  update(history) {
    const { newest: now, window, step } = history;
    this.#traffic(history, now, window, step);
    this.#latency(history, window);
    const flight = ofLimit(now, 'zerogate_requests_in_flight_limit');
    const inFlight = now.sum('zerogate_requests_in_flight');
    this.tiles.flight.update({
      value: format.count(inFlight),
      detail: flight.limit,
      tone: flight.tone,
      points: history.point('flight', inFlight),
    });
    const near = ['tcp', 'zmq'].some(
      (protocol) => ofLimit(now, 'zerogate_connections_limit', { protocol }).tone === 'bad',
    );
    const open = ['tcp', 'zmq'].map((protocol) => now.sum('zerogate_connections', { protocol }));
    this.tiles.connections.update({
      value: format.count(open[0] + open[1]),
      detail: `tcp ${format.count(open[0])}, zmq ${format.count(open[1])}`,
      tone: near ? 'bad' : '',
      points: history.point('connections', open[0] + open[1]),
    });
    this.#process(history, now, window);
    this.tiles.redis.update(redisTile(now, window));
  }

  #traffic(history, now, window, step) {
    const all = window?.rate(REQUESTS);
    const failed = window ? all - window.rate(REQUESTS, { outcome: 'ok' }) : NaN;
    const ratio = window ? (all > 0 ? failed / all : 0) : NaN;
    this.tiles.rate.update({
      value: format.rate(all),
      detail: `${format.count(now.sum(REQUESTS))} in all`,
      points: history.point('rate', step?.rate(REQUESTS) ?? NaN),
    });
    const failing = step ? step.rate(REQUESTS) - step.rate(REQUESTS, { outcome: 'ok' }) : NaN;
    this.tiles.errors.update({
      value: format.percent(ratio),
      detail: failed > 0 ? kindsOfErrors(window) : window ? 'none' : '',
      tone: failed > 0 ? 'bad' : '',
      points: history.point('errors', failing),
    });
  }

  #latency(history, window) {
    const duration = window?.histogram(DURATION);
    for (const [id, q] of [['p50', 0.5], ['p90', 0.9], ['p99', 0.99], ['p999', 0.999]]) {
      const value = duration ? quantile(q, window.newer.bounds(DURATION), duration.counts) : NaN;
      this.tiles[id].update({ value: format.seconds(value), points: history.point(id, value) });
    }
  }

  #process(history, now, window) {
    const lag = window?.histogram(LAG);
    const p99 = lag && countOf(lag) ? quantile(0.99, window.newer.bounds(LAG), lag.counts) : NaN;
    // Of a loop that does not come round at all the histogram cannot tell.
    const busy = now.sum('zerogate_loop_busy_seconds');
    this.tiles.lag.update({
      value: format.seconds(p99),
      detail: busy > STUCK_S ? `stuck for ${format.seconds(busy)}` : '',
      tone: busy > STUCK_S ? 'bad' : '',
      points: history.point('lag', p99),
    });
    const cpu = window?.rate('process_cpu_seconds_total');
    this.tiles.cpu.update({
      value: cpu === undefined ? format.NOTHING : `${(cpu * 100).toFixed(0)} %`,
      detail: 'of one core',
      points: history.point('cpu', cpu ?? NaN),
    });
    const memory = now.sum('process_resident_memory_bytes');
    this.tiles.memory.update({
      value: format.bytes(memory),
      detail: 'resident',
      points: history.point('memory', memory),
    });
  }
}
