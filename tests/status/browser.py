"""Headless Chromium, driven by selenium, as the status page's reader."""

import os
import shutil
import tempfile

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")
START_TIMEOUT_S = 60
# Nothing but the page: no sandbox (root has none), no looking for updates.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]


def missing():
    """What this machine lacks, or an empty text."""
    programs = {"chromium": CHROMIUM, "chromium-driver": DRIVER}
    return ", ".join(package for package, path in programs.items() if not path)


class Browser:
    def __init__(self, width=1240, height=900):
        self._profile = tempfile.TemporaryDirectory(prefix="status-chromium-")
        options = Options()
        options.binary_location = CHROMIUM
        for flag in [*FLAGS, f"--user-data-dir={self._profile.name}"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        environment = {**os.environ, "SE_AVOID_STATS": "true"}
        service = Service(executable_path=DRIVER, env=environment)
        self.driver = webdriver.Chrome(options=options, service=service)
        self.driver.set_page_load_timeout(START_TIMEOUT_S)
        self.driver.set_script_timeout(START_TIMEOUT_S)
        self.resize(width, height)

    def close(self):
        self.driver.quit()
        self._profile.cleanup()

    def resize(self, width, height, scale=1, phone=False):
        """The size of the page's view in CSS pixels, exactly: a window's would be larger, and has a
        least width."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": phone},
        )

    def scheme(self, name):
        """What the reader prefers: "light" or "dark"."""
        feature = {"name": "prefers-color-scheme", "value": name}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def block(self, *patterns):
        """Requests for these addresses fail; without patterns none does."""
        self.driver.execute_cdp_cmd("Network.enable", {})
        self.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": list(patterns)})

    def run(self, script, *arguments):
        """The value of a JavaScript function's body, which may `await`. One that does must not be
        run while the page may load itself anew: with the document its answer is lost."""
        if "await" not in script:
            return self.driver.execute_script(f"const a = [...arguments]; {script}", *arguments)
        wrapped = (
            "const done = arguments[arguments.length - 1];"
            f"(async (...a) => {{ {script} }})(...[...arguments].slice(0, -1))"
            ".then(value => done({value}), error => done({error: String(error)}));"
        )
        result = self.driver.execute_async_script(wrapped, *arguments)
        assert "error" not in result, result["error"]
        return result["value"]

    def complaints(self):
        """What the console says of warnings and errors since it was last asked."""
        lines = self.driver.get_log("browser")
        return [line["message"] for line in lines if line["level"] in ("WARNING", "SEVERE")]

    def save_picture(self, path):
        self.driver.save_screenshot(path)
