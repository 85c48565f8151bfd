// The table of clients, which has a document of its own: /clients.
import { setText } from './elements.js';
import * as format from './format.js';
import { Table } from './table.js';

const MOST = 20;  // rows: the list itself has up to 200

export class Clients {
  constructor() {
    this.table = new Table('client-table', {
      label: 'Clients',
      nothing: 'No clients.',
      sortable: true,
      wide: true,
      columns: [
        { title: 'Client', name: true, text: (row) => row.peer, sort: (row) => row.peer },
        { title: 'Wire', words: 'brief', text: (row) => row.wire ?? row.protocol },
        { title: 'Identity', words: 'brief breaks', text: (row) => row.identity ?? '' },
        { title: 'Last function', words: 'long breaks', text: (row) => row.function ?? format.NOTHING },
        {
          title: 'Rate/s',
          text: (row) => format.rate(row.calls_per_second),
          sort: (row) => row.calls_per_second,
        },
        { title: 'Total', text: (row) => format.count(row.calls), sort: (row) => row.calls },
        {
          title: 'In flight',
          text: (row) => format.count(row.in_flight),
          sort: (row) => row.in_flight,
        },
        {
          title: 'Waiting',
          text: (row) => format.bytes(row.unsent_bytes),
          tone: (row) => (row.unsent_bytes > 0 ? 'warn' : ''),
          sort: (row) => row.unsent_bytes,
        },
        {
          title: 'Since',
          text: (row) => format.duration(row.age_seconds),
          sort: (row) => row.age_seconds,
        },
      ],
    });
    this.note = document.getElementById('client-note');
  }

  // As /clients describes itself: see gateway/admin/clients_document.h.
  update({ clients, left_out, silent_workers }) {
    const shown = clients.slice(0, MOST);
    const more = clients.length - shown.length + left_out;
    const others = more > 0 ? `${format.count(more)} less busy ones are not shown. ` : '';
    const silent = silent_workers > 0 ? 'An event loop does not answer: its clients are missing. ' : '';
    setText(this.note, `${others}${silent}`);
    const seen = new Map();
    this.table.update(shown.map((client) => {
      const name = JSON.stringify([client.peer, client.identity]);
      const again = (seen.get(name) ?? 0) + 1;  // over Unix sockets all have one address
      seen.set(name, again);
      return { ...client, key: `${name} ${again}` };
    }));
  }
}
