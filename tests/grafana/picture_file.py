"""Where a dashboard's picture is, and which state of the dashboard it shows: the digest is kept in
the PNG itself, as text."""

import os
import struct
import zlib

import dashboards

HOW = "make the pictures anew with tests/grafana/pictures"
MAX_BYTES = 250_000
KEYWORD = b"zerogate-dashboard"
SIGNATURE_BYTES = 8
HEADER_END = SIGNATURE_BYTES + 25  # the IHDR chunk


def path_of(dashboard):
    return os.path.join(dashboards.TOP, "docs", "images", f"grafana-{dashboard.name}.png")


def digest(path):
    with open(path, "rb") as file:
        data = file.read()
    offset = SIGNATURE_BYTES
    while offset < len(data):
        [size] = struct.unpack_from(">I", data, offset)
        kind, body = data[offset + 4 : offset + 8], data[offset + 8 : offset + 8 + size]
        if kind == b"tEXt" and body.startswith(KEYWORD + b"\0"):
            return body[len(KEYWORD) + 1 :].decode()
        offset += 12 + size
    return None


def stamp(path, dashboard):
    """Writes the digest into the PNG."""
    with open(path, "rb") as file:
        data = file.read()
    body = KEYWORD + b"\0" + dashboard.digest.encode()
    chunk = struct.pack(">I", len(body)) + b"tEXt" + body
    chunk += struct.pack(">I", zlib.crc32(b"tEXt" + body))
    with open(path, "wb") as file:
        file.write(data[:HEADER_END] + chunk + data[HEADER_END:])
