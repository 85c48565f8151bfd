// Asks the gateway once a second and shows the answer, for as long as the page is open.
import { Clients } from './clients.js';
import { setText } from './elements.js';
import * as format from './format.js';
import { History } from './history.js';
import { Snapshot, valuesOf } from './snapshot.js';
import { Tables } from './tables.js';
import { Tiles } from './tiles.js';

const PERIOD_MS = 1000;
const FIRST_MS = 400;  // until the second answer, with which there are rates
const PATIENCE_MS = 4000;

const byId = (id) => document.getElementById(id);
const history = new History();
const tiles = new Tiles(byId('tiles'));
const tables = new Tables();
const clients = new Clients();
let timer = 0;
let answeredAt = performance.now();

async function ask(path, read) {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const response = await fetch(path, { cache: 'no-store', signal });
  if (!response.ok) throw new Error(`${path}: status ${response.status}`);
  return read(response);
}

function showState(state, text) {
  const node = byId('state');
  node.dataset.state = state;
  setText(node, text);
  document.title = `${text} – Zerogate`;
  document.body.dataset.state = state;
}

function show(snapshot) {
  const [build] = snapshot.sumBy('zerogate_build_info', ['version', 'revision']).keys();
  const [version, revision] = build ? valuesOf(build) : ['', ''];
  setText(byId('build'), `${version} (${revision}), up for ${format.duration(snapshot.uptime)}`);
  if (snapshot.ready) showState('ready', '● ready');
  else showState('waiting', `▲ not ready: ${snapshot.readiness}`);
  tiles.update(history);
  tables.update(history);
}

// The configuration changes with a reload or a restart only, but nobody tells us when.
async function showConfiguration() {
  if (!byId('config').open) return;
  setText(byId('config-text'), await ask('config', (response) => response.text()));
}

// The time is not in the state: a screen reader would say it every second.
function showGone() {
  showState('gone', '✕ gone, trying again');
  const ago = format.duration((performance.now() - answeredAt) / 1000);
  setText(byId('build'), `no answer for ${ago}; these numbers are the last ones`);
  history.gap();
}

async function update() {
  let snapshot;
  try {
    snapshot = new Snapshot(await ask('status.json', (response) => response.json()));
    clients.update(await ask('clients', (response) => response.json()));
    await showConfiguration();
  } catch {
    showGone();
    return;
  }
  answeredAt = performance.now();
  if (history.add(snapshot)) show(snapshot);
}

async function run() {
  clearTimeout(timer);
  if (document.hidden) return;
  await update();
  clearTimeout(timer);
  timer = setTimeout(run, history.window ? PERIOD_MS : FIRST_MS);
}

byId('host').textContent = location.host;
byId('config').addEventListener('toggle', () => showConfiguration().catch(showGone));
document.addEventListener('visibilitychange', run);
run();
