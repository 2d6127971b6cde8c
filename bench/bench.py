"""What a call costs: ours against bare `requests` (and peers that are installed), in one run, as ratios.

    python bench/bench.py [--rounds 5] [--rows get_me users]

One measurement is one fresh process, which does its work once unmeasured first. In each round every contender
runs once, and a ratio is taken inside its round. Absolute times say only how fast the machine was; quote the
median ratios. The yardstick is one `requests.Session` and `json.loads`, without validation.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
ROWS = {"get_me": 500, "users": 1, "help": 1, "ready": 1}
TARGETS = {"get_me": ("cpu", 1.0), "users": ("wall", 0.95), "help": ("wall", 5.5), "ready": ("wall", 16.0)}


def main() -> int:
    """Prints one line per row and contender."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", nargs="*", choices=ROWS, default=list(ROWS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        port_file = Path(folder) / "base"
        with subprocess.Popen(
            [sys.executable, HERE / "server.py", port_file], stdin=subprocess.PIPE
        ) as server:
            while not (port_file.exists() and port_file.read_text()):
                time.sleep(0.02)
            print(f"{'row':10} {'contender':12} {'CPU ×':>8} {'wall ×':>8} {'ms':>9} {'peak MiB':>9}  target")
            for row in options.rows:
                report(row, measure(row, port_file.read_text(), options.rounds))
            server.stdin.close()
    return 0


def measure(row: str, base: str, rounds: int) -> dict[str, list[dict[str, float]]]:
    """For each contender its measurements, one a round."""
    contenders = json.loads(subprocess.check_output([sys.executable, HERE / "contenders.py", "list", row]))
    found: dict[str, list[dict[str, float]]] = {name: [] for name in contenders}
    for turn in range(rounds):
        order = contenders[turn % len(contenders) :] + contenders[: turn % len(contenders)]
        for name in order:
            command = [sys.executable, HERE / "contenders.py", "run", row, name, base, str(ROWS[row])]
            found[name].append(json.loads(subprocess.check_output(command)))
    return found


def report(row: str, found: dict[str, list[dict[str, float]]]) -> None:
    """The median over the rounds of each contender's ratio to the first one."""
    yardstick = next(iter(found.values()))
    for name, runs in found.items():
        ratio = {
            unit: statistics.median(run[unit] / base[unit] for run, base in zip(runs, yardstick, strict=True))
            for unit in ("cpu", "wall")
        }
        milliseconds = statistics.median(run["wall"] for run in runs) * 1000
        peak = max(run["peak_mib"] for run in runs)
        unit, target = TARGETS.get(row, ("", 0))
        wanted = f"{unit} ≤ {target}" if unit and name == "ours" else ""
        figures = f"{ratio['cpu']:8.2f} {ratio['wall']:8.2f} {milliseconds:9.1f} {peak:9.1f}"
        print(f"{row:10} {name:12} {figures}  {wanted}")


if __name__ == "__main__":
    sys.exit(main())
