"""The build as CMake configures it."""

import os
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def test_configuring_again_changes_no_command(tmp_path):
    """Or deploy/run would build everything that tests/run has built, and the other way round."""
    commands = []
    for _ in range(2):
        subprocess.run(
            ["cmake", "-S", TOP, "--preset", "release", "-B", str(tmp_path), "-DZEROGATE_TESTS=OFF"],
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=120,
        )
        commands.append((tmp_path / "compile_commands.json").read_text())
    assert commands[0] == commands[1]
