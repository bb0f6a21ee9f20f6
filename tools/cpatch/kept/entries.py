"""One row for each kept run and tree, from its raw data: parts, rounds, mean, A/A, verdict."""

from __future__ import annotations

import csv
import json
import math
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cpatch.base.errors import CpatchError
from cpatch.base.project import Project
from cpatch.compat import record as packages
from cpatch.dist import record as tarballs
from cpatch.headers import session
from cpatch.kept import trials
from cpatch.kept.entry import ALL, NONE, Entry, read_json
from cpatch.measuring import archive, templates
from cpatch.measuring.interpreters import OFF
from cpatch.measuring.stats import Estimate
from cpatch.report import rows, verdicts
from cpatch.servers import figures
from cpatch.servers.cases import Case, Results
from cpatch.servers.figures import Cell


def every(project: Project) -> list[Entry]:
    """Return the rows of each folder of results/, newest first; CpatchError for one of no kind."""
    found = []
    for root in sorted(project.kept_results.iterdir(), reverse=True):
        if root.is_dir():
            found += _rows(project, root)
    return found


def newest(project: Project, ending: str, branch: str) -> Path:
    """Return the newest kept run whose folder's name ends so; CpatchError when there is none.

    One whose name ends with *branch* after that goes before: it is of that pin.
    """
    of_pin = list(project.kept_results.glob(f"*{ending}-{branch}"))
    found = sorted(of_pin or project.kept_results.glob(f"*{ending}"), key=_begun)
    if not found:
        raise CpatchError(
            f"no kept run is named *{ending}",
            wanted=f"a folder of {project.show(project.kept_results)}",
            fix='make results ARGS="--keep DIRECTORY"',
        )
    return found[-1]


def _begun(root: Path) -> tuple[str, str]:
    """Return the day in a run's name and, where it is known, the second when it began."""
    try:
        record = json.loads((root / "run.json").read_text(encoding="utf-8"))
        return root.name[:10], str(record["sessions"][0]["begun"])
    except (OSError, LookupError):
        return root.name[:10], ""


def _rows(project: Project, root: Path) -> list[Entry]:
    for name, read in KINDS.items():
        if (root / name).exists():
            found = read(project, root)
            return [found] if isinstance(found, Entry) else found
    raise CpatchError(
        f"{project.show(root)} is a run of no kind that is known",
        wanted="one of " + ", ".join(KINDS),
        got=", ".join(sorted(path.name for path in root.iterdir())) or "nothing",
        fix=f"rm -r {project.show(root)}, or teach {Path(__file__).name}",
    )


def _run(project: Project, root: Path) -> Entry | list[Entry]:
    """Return the row of a run of servers, or one for each tree that a run of bench compared."""
    record = json.loads((root / "run.json").read_text(encoding="utf-8"))
    if "servers" in record:
        tree = record["sides"]["patched"]["tree_id"][:12]
        return _servers(
            Results(archive.opened(project, root)), {"name": root.name, "tree": tree, "parts": ALL}
        )
    run = rows.load(archive.opened(project, root))
    means = verdicts.means(run)
    if not means:
        raise CpatchError(f"{project.show(root)} has no benchmark that is complete")
    off = means.roles.get(OFF)
    found = []
    for role, mean in means.roles.items():
        if role == OFF:
            continue
        slow = verdicts.slow_or_too_few(run, role)
        verdict = f"{mean.count} benchmarks; slower by more than 3 % beyond noise: {slow}"
        if off and role == run.first:
            verdict = f"heap off {_interval(off.change)}; {verdict}"
        found.append(
            Entry(
                name=root.name,
                tree=record["sides"][role]["tree_id"][:12],
                parts=verdicts.parts_of(role) or ALL,
                rounds=str(mean.rounds),
                mean=_interval(mean.change),
                noise=_interval(means.noise),
                verdict=verdict,
            )
        )
    return found


def _servers(results: Results, known: Mapping[str, str]) -> Entry:
    every = figures.cells(results.runs())
    cells = [cell for modes in every.values() for cell in modes.values()]
    memory = _memory(every, "immortal")
    again = _memory(every, "again")
    rate = figures.together(every, "immortal", "freeze", "rate")
    same = figures.together(every, "again", "freeze", "rate")
    verdict = "1 setup" if len(every) == 1 else f"{len(every)} setups"
    if rate:
        verdict += f"; requests/s {_interval(rate)}"
    if same:
        verdict += f", A/A {_interval(same)}"
    return Entry(
        rounds=str(min(len(cell.rounds) for cell in cells)),
        mean=f"PSS {_between(memory)}",
        noise=f"PSS {_between(again)}" if again else NONE,
        verdict=verdict,
        **known,
    )


def _memory(every: Mapping[Case, Mapping[str, Cell]], mode: str) -> list[float]:
    """Return a mode's memory over that of gc.freeze() on stock, for each case that has both."""
    found = [
        cells[mode].against(cells["freeze"], "pss")
        for cells in every.values()
        if mode in cells and "freeze" in cells
    ]
    return [value for value in found if value is not None]


def _exit(project: Project, root: Path) -> Entry:
    raw = read_json(root / "exit.json")
    base = next(iter(raw["facts"]))
    logs: list[list[float]] = [[], []]
    largest = []
    for title, times in raw["seconds"].items():
        middle = {name: statistics.median(values) for name, values in times.items()}
        logs[0].append(math.log(middle[base] / middle["patched"]))
        logs[1].append(math.log(middle[base] / middle[f"{base} again"]))
        what, _, size = title.partition(", ")
        if size == "1,000,000":
            largest.append(f"{what} {math.exp(logs[0][-1]):.1f}")
    faults = {name: statistics.median(counts) for name, counts in raw["faults"].items()}
    mean, noise = (f"{math.exp(statistics.fmean(each)):.2f}" for each in logs)
    return Entry(
        name=root.name,
        tree=raw["facts"]["patched"]["tree_id"][:12],
        rounds=str(raw["rounds"]),
        mean=mean,
        noise=noise,
        verdict=f"10⁶ objects: {', '.join(largest)} times faster; page faults of a worker's exit "
        f"{faults[base]:,.0f} and {faults['patched']:,.0f}",
    )


def _heap(project: Project, root: Path) -> Entry:
    raw = read_json(root / "heap.json")
    call, collect = (
        {int(size): statistics.median(each[name]) for size, each in raw["seconds"].items()}
        for name in ("immortalize_heap", "collect")
    )
    ratios = ", ".join(f"{call[size] / collect[size]:.1f}" for size in call)
    times = ", ".join(f"{size:,}: {call[size] * 1e3:,.1f} ms" for size in call)
    return Entry(
        name=root.name,
        tree=raw["facts"]["tree_id"][:12],
        rounds=str(min(len(each["collect"]) for each in raw["seconds"].values())),
        mean=f"call over gc.collect(): {ratios}",
        noise=NONE,
        verdict=f"the call takes, by objects: {times}",
    )


def _look(project: Project, root: Path) -> Entry:
    raw = read_json(root / "look.json")
    logs: dict[str, list[float]] = {}
    seconds = raw["seconds"]
    for role in seconds:
        for size, functions in seconds[role].items():
            for function, values in functions.items():
                base = statistics.median(seconds["stock"][size][function])
                logs.setdefault(role, []).append(math.log(base / statistics.median(values)))
    mean = {role: f"{math.exp(statistics.fmean(each)):.2f}" for role, each in logs.items()}
    patched = seconds["patched"]
    return Entry(
        name=root.name,
        tree=raw["facts"]["patched"]["tree_id"][:12],
        rounds=str(min(len(each["get_objects"]) for each in patched.values())),
        mean=mean["patched"],
        noise=next((mean[role] for role in mean if role.endswith("again")), NONE),
        verdict="gc.get_objects() and gc.get_referrers(), times faster over all sizes",
    )


def _pages(project: Project, root: Path) -> Entry:
    raw = read_json(root / "pages.json")
    rounds: dict[str, list[float]] = {}
    for name in dict.fromkeys(name for name, _ in raw["seconds"]):
        columns = [seconds for each, seconds in raw["seconds"] if each == name]
        rounds[name] = [statistics.fmean(row) for row in zip(*columns, strict=True)]
    base, *others = rounds
    ratio = {
        name: statistics.quantiles(
            [a / b for a, b in zip(rounds[name], rounds[base], strict=True)], n=4
        )
        for name in others
    }
    shown = {name: f"{low:.3f}–{high:.3f}" for name, (low, _, high) in ratio.items()}
    again = next(name for name in others if name.startswith("again"))
    immortal = "patched:immortal"
    return Entry(
        name=root.name,
        tree=next(f["tree_id"] for n, f in raw["facts"].items() if n != base)[:12],
        rounds=str(len(rounds[base])),
        mean=f"CPU time {ratio[immortal][1]:.3f} ({shown[immortal]})",
        noise=f"{ratio[again][1]:.3f} ({shown[again]})",
        verdict=f"of {base}'s; without the call {ratio['patched'][1]:.3f}; middle half of rounds",
    )


def _audit(project: Project, root: Path) -> Entry:
    sides = read_json(root / "audit.json.gz")
    growth: dict[tuple[str, str], float] = {}
    for side in sides:
        workers = side["checkpoints"][-1]["workers"]
        ours = "patched" if "(patched" in side["release"] else "stock"
        who = "wheel" if side.get("wheel") else ours
        # Of several interpreters of a kind the first counts: others are there to be compared.
        median = statistics.median(each["growth"] for each in workers)
        growth.setdefault((who, side["mode"]), median)
    tree = next(side["release"] for side in sides if "(patched" in side["release"])
    freeze, call = growth["stock", "freeze"], growth["patched", "immortalize"]
    wheel = growth.get(("wheel", "immortalize"))
    against = "on stock with gc.freeze()"
    if wheel is not None:
        against += f", {wheel / 2**10:.0f} KiB with the wheel"
    return Entry(
        name=root.name,
        tree=tree.partition(",")[0].rpartition(":")[2],
        rounds=str(sides[0]["checkpoints"][-1]["rounds"]),
        mean=f"a worker's growth {call / 2**10:.0f} KiB",
        noise=NONE,
        verdict=f"of {freeze / 2**20:.1f} MiB {against}; {len(sides)} modes",
    )


def _headers(project: Project, root: Path) -> Entry:
    raw = session.read(root)
    run = [row for row in raw["rows"] if not row["skipped"]]
    same = [row for row in run if not row["lines"]]
    return Entry(
        name=root.name,
        tree=raw["sides"]["patched"]["tree_id"][:12],
        rounds="1",
        mean=f"{len(same)} of {len(run)} rows",
        noise=NONE,
        verdict="are the same with either set of headers, or explained; "
        f"{len(raw['rows']) - len(run)} not run",
    )


def ways(root: Path) -> dict[str, dict[str, dict[str, int]]]:
    """Return mode -> side -> how many ways there are, ended whole, and ran once.

    The modes are the default, ``immortalize`` and ``off``; stock knows the first, and ``wheel``.
    """
    found: dict[str, dict[str, dict[str, int]]] = {}
    for run in read_json(root / "ways.json.gz")["runs"]:
        verdicts = Counter(way["verdict"] for way in run["ways"])
        found.setdefault(run["mode"], {})[run["side"]] = {
            "all": sum(verdicts.values()) - verdicts["skipped"],
            "whole": verdicts["whole"],
            "once": verdicts["whole"] + verdicts["torn"] + verdicts["mute"],
        }
    return found


def _ways(project: Project, root: Path) -> Entry:
    found = ways(root)
    stock = found["default"]["stock"]
    told = [f"{mode} {next(iter(sides.values()))['whole']}" for mode, sides in found.items()]
    return Entry(
        name=root.name,
        tree=read_json(root / "ways.json.gz")["trees"]["patched"],
        rounds="1",
        mean=f"whole: {stock['whole']} on stock, {found['default']['patched']['whole']} here",
        noise=NONE,
        verdict=f"of {stock['all']} ways: {', '.join(told)}; ran once on stock {stock['once']}",
    )


def _steps(project: Project, root: Path) -> Entry:
    with (root / "steps.csv").open(newline="", encoding="utf-8") as stream:
        table = list(csv.DictReader(stream))
    steps = [name for name in table[0] if name not in ("program", "stock")]
    means = [
        math.expm1(statistics.fmean(math.log(int(row[step]) / int(row["stock"])) for row in table))
        for step in steps
    ]
    told = "; ".join(
        f"{step} {templates.percent(mean)}" for step, mean in zip(steps, means, strict=True)
    )
    return Entry(
        name=root.name,
        tree=NONE,
        rounds="1",
        mean=f"instructions {templates.percent(means[-1])}",
        noise="0.01 %",
        verdict=f"{len(table)} programs: {told}",
        parts="growing",
    )


def _interval(each: Estimate) -> str:
    return f"{each.ratio:.3f} ({each.ratio_low:.3f}–{each.ratio_high:.3f})"


def _between(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f} to {high:.2f}"


#: The file that tells a run's kind, and what makes its row.
KINDS: dict[str, Callable[[Project, Path], Entry | list[Entry]]] = {
    "run.json": _run,
    "exit.json": _exit,
    "heap.json": _heap,
    "look.json": _look,
    "pages.json": _pages,
    "audit.json.gz": _audit,
    "ways.json.gz": _ways,
    session.NAME: _headers,
    tarballs.NAME: trials.dist,
    packages.NAME: trials.compat,
    "soak.json": trials.soak,
    "embedding.json": trials.embedding,
    "steps.csv": _steps,
}
