"""Each rule finds what it is there for, with file and line, in a small project made for it."""

import tempfile
import unittest
from pathlib import Path

import rules


class RulesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = Path(folder.name)
        for room in ("base", "bridge", "io", "listener", "rpc"):
            (self.top / "core" / room).mkdir(parents=True)
        (self.top / "gateway").mkdir()
        self.write("core/listener/tcp_listener.h", "#pragma once\n")
        self.write("core/base/bytes.h", "#pragma once\n")

    def write(self, file, text):
        path = self.top / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def found(self):
        return [str(finding) for finding in rules.findings(self.top)]

    def assert_one(self, start, *parts):
        found = self.found()
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].startswith(start), found[0])
        for part in parts:
            self.assertIn(part, found[0])

    def test_clean_project_has_no_finding(self):
        self.write("core/bridge/bridge.cc", '#include "core/base/bytes.h"\n#include <vector>\n')
        self.assertEqual(self.found(), [])

    def test_a_room_beside(self):
        self.write("core/bridge/bridge.cc", '\n#include "core/listener/tcp_listener.h"\n')
        self.assert_one("core/bridge/bridge.cc:2: ", "core/listener stands beside it", "move what both need")

    def test_a_room_above(self):
        self.write("core/io/poll.h", '#include "core/listener/tcp_listener.h"\n')
        self.assert_one("core/io/poll.h:1: ", "core/listener stands above it")

    def test_rooms_of_the_gateway(self):
        self.write("gateway/config/config.h", "")
        self.write("gateway/host/cgroup.cc", '#include "gateway/config/config.h"\n')
        self.assert_one("gateway/host/cgroup.cc:1: ", "gateway/config stands above it")

    def test_the_admin_server_knows_no_other_room_of_the_gateway(self):
        self.write("gateway/host/cgroup.h", "")
        self.write("gateway/admin/admin_server.cc", '#include "gateway/host/cgroup.h"\n')
        self.assert_one("gateway/admin/admin_server.cc:1: ", "beside it")

    def test_a_room_without_a_storey(self):
        self.write("core/attic/box.h", "")
        self.assert_one("core/attic/box.h:1: ", "core/attic is no room")

    def test_headers_in_a_circle(self):
        self.write("core/rpc/a.h", '#include "core/rpc/b.h"\n')
        self.write("core/rpc/b.h", '\n#include "core/rpc/c.h"\n')
        self.write("core/rpc/c.h", '\n\n#include "core/rpc/a.h"\n')
        self.assert_one("core/rpc/c.h:3: ", "core/rpc/a.h -> core/rpc/b.h -> core/rpc/c.h -> core/rpc/a.h")

    def test_two_ways_to_one_header_are_no_circle(self):
        self.write("core/rpc/a.h", '#include "core/rpc/b.h"\n#include "core/base/bytes.h"\n')
        self.write("core/rpc/b.h", '#include "core/base/bytes.h"\n')
        self.assertEqual(self.found(), [])

    def test_length_of_files(self):
        self.write("core/base/fits.cc", "\n" * 400)
        self.write("core/base/long.cc", "\n" * 401)
        self.write("tests/unit/core/base/fits_test.cc", "\n" * 500)
        self.assert_one("core/base/long.cc:401: ", "401 lines")

    def test_length_of_tests(self):
        self.write("tests/interop/test_long.py", "\n" * 501)
        self.assert_one("tests/interop/test_long.py:501: ", "501 lines")

    def test_columns_are_characters(self):
        self.write("core/base/wide.h", "\n// " + "ä" * 97 + "\n// " + "a" * 98 + "\n")
        self.assert_one("core/base/wide.h:3: ", "101 columns")

    def test_unfinished(self):
        self.write("core/base/later.cc", "\n// " + "TO" + "DO: later\n")
        self.assert_one("core/base/later.cc:2: ")

    def test_a_file_in_no_room_of_the_gateway(self):
        self.write("gateway/main.cc", "")
        self.write("gateway/drawer.cc", "")
        found = self.found()
        self.assertTrue(any(line.startswith("gateway/drawer.cc:1: gateway/ itself holds") for line in found), found)
        self.assertFalse(any(line.startswith("gateway/main.cc") for line in found), found)

    def test_a_room_too_full(self):
        for number in range(20):
            self.write(f"gateway/admin/file{number}.h", "")
            self.write(f"gateway/admin/status/part{number}.js", "")
        self.assertEqual(self.found(), [])
        self.write("gateway/admin/file20.h", "")
        self.assert_one("gateway/admin:1: ", "21 files")

    def test_a_room_that_is_not_one_of_the_five(self):
        self.write("gateway/attic/readme.md", "")
        self.assert_one("gateway/attic:1: ")

    def test_a_test_without_its_source_folder(self):
        self.write("tests/unit/core/attic/box_test.cc", "")
        self.assert_one("tests/unit/core/attic/box_test.cc:1: ", "mirrors")

    def test_comments_without_a_subject(self):
        self.write("core/base/who.h", 'int a;  // Whoever owns it\nconst char* b = "nobody";\n')
        self.assert_one("core/base/who.h:1: ", '"Whoever"')

    def test_paths_in_documents(self):
        self.write("docs/life.md", "`core/base/bytes.h`, `core/base/bytes`, core/base.\nSee `core/base/gone.h`.\n")
        self.assert_one("docs/life.md:2: ", "core/base/gone.h")


if __name__ == "__main__":
    unittest.main()
