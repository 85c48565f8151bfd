"""Pictures of the status page under real traffic: see tests/status/pictures.

usage: python take_pictures.py GATEWAY FOLDER
"""

import os
import sys
import time

from browser import Browser
from scene import Scene

CALLS_PER_SECOND = 500
# Long enough for the lines of the last minute and a half to be whole.
WARM_UP_S = 95
OUTAGE_S = 12  # one backend's server is killed this long before the pictures
SETTLE_S = 1.5
# File, preference, width, most height, pixels for each of CSS, phone.
PICTURES = [
    ("status-light.png", "light", 1240, 1330, 1, False),
    ("status-dark.png", "dark", 1240, 1330, 1, False),
    ("status-phone.png", "dark", 360, 760, 2, True),
]


def wait_s(seconds):
    """For the picture's sake, not for synchronisation: the lines need their time."""
    time.sleep(seconds)


def main():
    binary, folder = sys.argv[1:]
    scene, browser = Scene(binary, CALLS_PER_SECOND), Browser()
    try:
        browser.driver.get(f"http://127.0.0.1:{scene.gateway.admin_port}/")
        wait_s(WARM_UP_S - OUTAGE_S)
        scene.backends[1].kill()
        wait_s(OUTAGE_S)
        for name, scheme, width, height, scale, phone in PICTURES:
            browser.scheme(scheme)
            browser.resize(width, height, scale, phone)
            wait_s(SETTLE_S)
            browser.save_picture(os.path.join(folder, name))
        complaints = browser.complaints()
        assert not complaints, complaints
    finally:
        browser.close()
        scene.close()


if __name__ == "__main__":
    main()
