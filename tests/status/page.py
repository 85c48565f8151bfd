"""The status page as its reader sees it."""

from browser import Browser
from waiting import wait_until

PATIENCE_S = 60  # the page asks once a second; a busy machine may need more
REFUSED = "net::ERR_CONNECTION_REFUSED"

# What is shown now. Text as a reader gets it: innerText leaves out what is not visible.
STARTED = "return document.querySelector('table') !== null"
STATE = "return document.getElementById('state').textContent"
TILES = """
return Object.fromEntries([...document.querySelectorAll('[data-tile]')].map(tile =>
  [tile.dataset.tile, tile.querySelector('.value').textContent]))
"""
TABLES = """
const read = table => {
  const titles = [...table.tHead.rows[0].cells].map(cell => cell.textContent);
  return [...table.tBodies[0].rows].map(row =>
    Object.fromEntries([...row.cells].map((cell, i) => [titles[i], cell.textContent])));
};
return Object.fromEntries([...document.querySelectorAll('table')].map(table =>
  [table.getAttribute('aria-label'), read(table)]))
"""


class StatusPage:
    def __init__(self, browser: Browser, gateway, starts=True):
        self.browser = browser
        browser.complaints()  # those of earlier pages
        browser.driver.get(f"http://127.0.0.1:{gateway.admin_port}/")
        if starts:
            wait_until(lambda: browser.run(STARTED), PATIENCE_S, "the page starts")

    @property
    def state(self):
        return self.browser.run(STATE)

    @property
    def tiles(self):
        return self.browser.run(TILES)

    def table(self, label):
        tables = self.browser.run(TABLES)
        assert label in tables, f"no table; the console says {self.browser.complaints()}"
        return tables[label]

    def function(self, name, protocol):
        rows = self.table("Functions")
        found = [row for row in rows if (row["Function"], row["Protocol"]) == (name, protocol)]
        return found[0] if found else None

    def total(self):
        return sum(number(row["Total"]) for row in self.table("Outcomes"))

    def wait(self, condition, what):
        return wait_until(condition, PATIENCE_S, f"the page shows {what}; it shows {self.tiles}")

    def wait_for_state(self, text):
        self.wait(lambda: text in self.state, text)

    def wait_for_rates(self):
        """Two answers have come: what happens from now on is in the rates."""
        self.wait(lambda: self.tiles["rate"] not in ("", "–"), "a rate")

    def formatted(self, function, value):
        """As the page writes a number: a function of format.js."""
        script = "const format = await import('/status/format.js'); return format[a[0]](a[1]);"
        return self.browser.run(script, function, value)


def number(text):
    return int(text.replace(",", ""))
