from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

MEASURE = Path(__file__).parents[2] / "measure"
sys.path.insert(0, str(MEASURE))

import failing_starts  # noqa: E402
import soak  # noqa: E402

# As much of gunicorn as soak.py asks for.
GUNICORN = """\
import contextlib, http.server, os, signal, socket, sys
value = lambda name: sys.argv[sys.argv.index(name) + 1]
config = {}
exec(open(value("--config")).read(), config)
config["when_ready"](None)
listener = socket.create_server(("127.0.0.1", int(value("--bind").split(":")[1])))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.command == "GET" else 302)
        self.end_headers()
        self.wfile.write(b"<html></html>")
    do_POST = do_GET
    def log_message(self, *_):
        pass

def work():
    config["post_fork"](None, None)
    config["post_worker_init"](None)
    try:
        for _ in range(int(value("--max-requests"))):
            connection, address = listener.accept()
            with connection:
                Handler(connection, address, None)
        BROKEN
    finally:
        # Not every interpreter finalizes them at exit.
        del config["own"], config["inherited"]
    sys.exit(0)

try:
    while True:
        if not (pid := os.fork()):
            work()
        os.waitpid(pid, 0)
finally:
    if pid:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):  # it may be gone
            os.kill(pid, signal.SIGTERM)
            os.waitpid(pid, 0)
"""


@pytest.fixture
def serve(tmp_path, monkeypatch):
    database = tmp_path / "empty.db"
    database.touch()
    monkeypatch.setattr(soak, "prepare", lambda *_: database)
    monkeypatch.setattr(soak, "INTERVAL", 0.2)

    def run(broken="", *more):
        package = tmp_path / "gunicorn"
        package.mkdir()
        (package / "__main__.py").write_text(GUNICORN.replace("BROKEN", broken or "pass"))
        output = tmp_path / "soak.json"
        done = CliRunner().invoke(soak.main, [
            sys.executable, "--site", str(tmp_path), "--output", str(output), "--minutes", "0.05",
            "--rate", "50", "--requests", "10", "--mode", "freeze", *more,
        ])  # fmt: skip
        assert output.exists(), (done.output, done.exception)
        return done, json.loads(output.read_text())

    return run


def test_workers_that_end_by_themselves_lose_nothing(serve):
    # 600 are due; on a machine that does much else it was a fourteenth of what is due.
    done, raw = serve("", "--minutes", "0.2")
    assert done.exit_code == 0, done.output
    assert raw["requests"] > 50
    assert raw["workers"] >= raw["requests"] // 10
    assert (raw["failures"], raw["lost"], raw["killed"]) == ([], [], [])
    assert "| PSS of the parent |" in done.output


def test_a_finalizer_that_does_not_run_is_told(serve):
    done, raw = serve("os._exit(0)")
    assert done.exit_code == 1
    assert raw["lost"][0].startswith("own of ")
    assert raw["failures"] == []


def test_who_is_killed_loses_what_it_had(serve):
    done, raw = serve("", "--kill", "0.5")
    assert done.exit_code == 0, done.output
    assert raw["killed"]
    assert raw["lost"] == []


def test_a_process_id_that_comes_again_is_another_worker(tmp_path):
    log = tmp_path / "log"
    told = ["begun 7 10", "own 7 10", "inherited 7 10", "begun 7 20", "own 7 30", "begun 7 30",
            "inherited parent 0"]  # fmt: skip
    log.write_text("\n".join(told) + "\n")
    assert soak.lost(log, [(7, 25)]) == (3, ["inherited of process 7: 0 times"])


def test_growth_is_told_per_hour():
    samples = [(float(i * 36), 10.0 + i / 100, 20.0, 30.0) for i in range(100)]
    rows = soak.table(samples)
    assert rows[2].endswith("| +1.00 |")
    assert rows[3] == "| RSS of the parent | 20.0 | 20.0 | 20.0 | +0.00 |"


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a compiler")
def test_starts_fail_where_they_are_told_to(tmp_path, monkeypatch):
    # Without memory at all, before there is anything to say it with.
    monkeypatch.setattr(failing_starts, "allocations", lambda *_: 1)
    output = tmp_path / "starts.json"
    done = CliRunner().invoke(
        failing_starts.main, ["--widths", "0", "--output", str(output), f"a={sys.executable}"]
    )
    assert done.exit_code == 0, done.output
    ((position, how, _),) = json.loads(output.read_text())["a"]["0"]
    assert position == 0
    assert how not in ("status 0", "hangs")


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a compiler")
def test_allocations_of_a_start_are_counted(tmp_path):
    library = failing_starts.compiled(tmp_path)
    few = failing_starts.allocations(Path(sys.executable), library, "pass")
    more = failing_starts.allocations(Path(sys.executable), library, "[[] for i in range(5000)]")
    assert 1000 < few < more - 4000
