r"""Django's pages, stock against patched: CPU time per page, in turns on one CPU.

    build/venv/bin/python -m pip install --target SITE -r tools/servers/django_shop/requirements.txt
    build/venv/bin/python tools/measure/pages.py --site SITE --output pages.json \\
        stock:freeze=build/3.NN/obj-stock-pgo/python \\
        patched:immortal=build/3.NN/obj-patched-pgo/python

`make servers` measures what clients see; there, clients and workers share the processors, and one
interpreter's requests/s differ from themselves by 10 %.  Here a process makes the pages of the same
application, in the same mix, for itself.  Several processes of each interpreter, as many of the
first once more (the A/A row), all wait for their turn: each turn they make some pages, in an order
that is shuffled each time.  A turn's ratio is of processes that ran within the same second, so what
the machine does to one it does to the others.

What follows the colon is called before the first page: freeze, immortal, or nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asked
import click
from cpatch.bench.probes import Measuring

TOOLS = Path(__file__).parent.parent
SHOP = TOOLS / "servers" / "django_shop"
MODES = {"": "", "freeze": "gc.collect(); gc.freeze()", "immortal": "gc.immortalize_heap()"}
AGAIN = "again (A/A)"

#: Pages before the first turn: what is cached or specialised has been by then.
WARM = 200

# Runs in the interpreter that is measured; SHOP_DB names its own database.
CHILD = """\
import gc, random, sys, time
from shop.wsgi import application
from django.test import Client
from cpatch.servers.load import VISIT, Ask, ask
MODE
entries, dice, client = int(sys.argv[1]), random.Random(5), Client()
def make(pages):
    for number in range(pages):
        if number % VISIT == 0:
            client.cookies.clear()
            what = Ask('detail', 'GET', f'/p/{dice.randrange(1, entries + 1)}/')
        else:
            what = ask(dice, entries)
        answer = getattr(client, what.method.lower())(what.path)
        if answer.status_code != (302 if what.method == 'POST' else 200):
            sys.exit(f'{what}: status {answer.status_code}')
make(int(sys.argv[2]))
print('ready', flush=True)
for line in sys.stdin:
    begin = time.process_time()
    make(int(line))
    print(time.process_time() - begin, flush=True)
"""


@dataclass
class Worker:
    """One process, and the CPU seconds of its turns."""

    name: str
    process: subprocess.Popen[str]
    seconds: list[float] = field(default_factory=list)

    def answer(self) -> str:
        """Return the next line that it says; ClickException when it has ended instead."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if not line:
            raise click.ClickException(f"a process of {self.name} ended; what it said is above")
        return line

    def turn(self, pages: int) -> None:
        """Make so many pages."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{pages}\n")
        self.process.stdin.flush()
        self.seconds.append(float(self.answer()))


def parse(items: Sequence[str]) -> dict[str, tuple[Measuring, str]]:
    """Read NAME[:MODE]=PYTHON arguments; UsageError says what is wrong with the first bad one."""
    for item in items:
        mode = item.partition("=")[0].partition(":")[2]
        if mode not in MODES:
            wanted = ", ".join(filter(None, MODES))
            raise click.UsageError(f"{item!r}: no mode {mode!r}; there are {wanted}, or none")
    found = asked.interpreters(tuple(items))
    return {name: (python, name.partition(":")[2]) for name, python in found.items()}


def prepare(python: Path, env: dict[str, str], entries: int, directory: Path) -> Path:
    """Make the database; what each process gets is a copy."""
    database = directory / "shop.db"
    command = [str(python), "-m", "shop.prepare", str(entries)]
    done = subprocess.run(command, env=env | {"SHOP_DB": str(database)}, check=False)
    if done.returncode:
        raise click.ClickException("the database could not be made; is --site what pip installed?")
    return database


@contextlib.contextmanager
def workers(
    kinds: dict[str, tuple[Measuring, str]],
    env: dict[str, str],
    database: Path,
    processes: int,
    entries: int,
    cpu: int,
) -> Iterator[list[Worker]]:
    """Start all processes, one of each kind after the other; none is left behind."""
    first = next(iter(kinds))
    crowd: list[Worker] = []
    with contextlib.ExitStack() as stack:
        for seed in range(processes):
            for name, (python, mode) in [*kinds.items(), (AGAIN, kinds[first])]:
                copy = database.with_name(f"{len(crowd)}.db")
                copy.write_bytes(database.read_bytes())
                own = {"SHOP_DB": str(copy), "PYTHONHASHSEED": str(seed)}
                code = CHILD.replace("MODE", MODES[mode])
                command = ["taskset", "--cpu-list", str(cpu), str(python.role.side.python)]
                process = subprocess.Popen(
                    [*command, "-c", code, str(entries), str(WARM)],
                    env=env | own, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                )  # fmt: skip
                stack.callback(process.wait)
                stack.callback(process.kill)
                crowd.append(Worker(name, process))
        for worker in crowd:
            worker.answer()
        yield crowd


def turns(crowd: Sequence[Worker], rounds: int, pages: int) -> None:
    """Give every process its turns; Ctrl-C keeps the rounds that are complete."""
    dice = random.Random(1)  # noqa: S311 - an order
    order = list(crowd)
    try:
        for number in range(rounds):
            if number % 10 == 0:
                click.echo(f"round {number + 1} of {rounds}", err=True)
            dice.shuffle(order)
            for worker in order:
                worker.turn(pages)
    except KeyboardInterrupt:
        click.echo("interrupted: complete rounds are kept", err=True)
    complete = min(len(worker.seconds) for worker in crowd)
    for worker in crowd:
        del worker.seconds[complete:]


def rounds_of(crowd: Sequence[Worker], name: str) -> list[float]:
    """Return each round's mean over the processes of one name."""
    columns = [worker.seconds for worker in crowd if worker.name == name]
    return [statistics.mean(row) for row in zip(*columns, strict=True)]


def report(crowd: Sequence[Worker], pages: int) -> None:
    """Print Markdown: CPU time of a page, and the median of the rounds' ratios to the first."""
    names = list(dict.fromkeys(worker.name for worker in crowd))
    base = rounds_of(crowd, names[0])
    print("| | CPU time per page | of the first (middle half of the rounds) | each process |")
    print("|---|---:|---:|---:|")
    for name in names:
        mine = rounds_of(crowd, name)
        ratios = [a / b for a, b in zip(mine, base, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
        each = ", ".join(
            f"{statistics.median(worker.seconds) / pages * 1e3:.2f}"
            for worker in crowd if worker.name == name
        )  # fmt: skip
        page = statistics.median(mine) / pages * 1e3
        print(f"| {name} | {page:.3f} ms | {middle:.3f} ({low:.3f} to {high:.3f}) | {each} |")


@click.command()
@click.argument("items", metavar="NAME[:MODE]=PYTHON...", nargs=-1, required=True)
@click.option(
    "--site", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where pip installed the application's requirements.",
)  # fmt: skip
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Raw data, JSON.")
@click.option("--rounds", default=25, show_default=True, type=click.IntRange(min=1))
@click.option("--pages", default=40, show_default=True, help="Pages of one turn.")
@click.option("--processes", default=4, show_default=True, help="Processes of each interpreter.")
@click.option("--entries", default=3000, show_default=True, help="Products in the catalogue.")
@click.option("--cpu", default=(os.cpu_count() or 1) - 1, show_default=True)
@asked.explained()
def main(
    items: tuple[str, ...], site: Path, output: Path, rounds: int, pages: int, processes: int,
    entries: int, cpu: int,
) -> None:  # fmt: skip
    """Measure the CPU time of Django's pages, interpreters taking turns."""
    kinds = parse(items)
    env = dict(
        os.environ,
        DJANGO_SETTINGS_MODULE="shop.settings",
        PYTHONDONTWRITEBYTECODE="1",
        PYTHONPATH=os.pathsep.join(map(str, (site.absolute(), SHOP, TOOLS))),
    )
    facts = {name: asked.facts(python) for name, (python, _) in kinds.items()}
    begun = time.strftime("%Y-%m-%d %H:%M")
    with tempfile.TemporaryDirectory() as directory:
        database = prepare(Path(sys.executable), env, entries, Path(directory))
        with workers(kinds, env, database, processes, entries, cpu) as crowd:
            turns(crowd, rounds, pages)
    raw = {
        "begun": begun, "facts": facts, "pages": pages, "entries": entries,
        "seconds": [[worker.name, worker.seconds] for worker in crowd],
    }  # fmt: skip
    output.write_text(json.dumps(raw, indent=1) + "\n", encoding="utf-8")
    report(crowd, pages)


if __name__ == "__main__":
    main()
