"""Compare what a program did on stock with what it did on the patched interpreter.

One-sided: docs/shutdown.md promises more than stock does. A comment that quotes it stands where
a difference is allowed.
"""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass

from exitfuzz import text
from exitfuzz.run import Outcome


@dataclass(frozen=True, order=True)
class Fault:
    """What must not be: ``kind`` is a short name, ``detail`` says of what."""

    kind: str
    detail: str


class Facts:
    """The log of a run, sorted: counts by role and id."""

    def __init__(self, outcome: Outcome) -> None:
        rows = outcome.log
        self.log = rows
        self.count = {
            verb: Counter((row[0], row[2]) for row in rows if row[1] == verb and len(row) > 2)
            for verb in ("ran", "end", "said", "called", "made")
        }
        self.broken = _broken(rows)
        self.status = {row[2]: row[3] for row in rows if row[1] == "status" and len(row) > 3}
        self.entries = {row[2]: row[3] for row in rows if row[1] == "entries" and len(row) > 3}
        self.early = _early(rows, "ran")
        self.collected = _early(rows, "called")
        self.before = _before(rows)
        self.late = any(row[1] == "LATE" for row in rows)

    def due(self) -> list[tuple[str, str]]:
        """Return whose finalizer F1 promises to run: (role, id)."""
        found: list[tuple[str, str]] = []
        alive: list[str] = []
        for role, verb, *rest in self.log:
            if verb == "made":
                found.append((role, rest[0]))
                if role == "m":
                    alive.append(rest[0])
            elif verb == "ran" and role == "m" and rest[0] in alive:
                alive.remove(rest[0])
            elif verb == "fork":
                # The worker has copies of what was alive, and finalizes them as stock does.
                found += [(rest[0], ident) for ident in alive]
        return found

    def immortal(self, at_exit: bool) -> set[str]:
        """Return files whose object works in its deallocator, and was made immortal.

        at_exit -- by a call that came once the process, or one of the processes, was exiting.
        """
        made: dict[str, set[str]] = {}
        exiting: set[str] = set()
        found: set[str] = set()
        for role, verb, *rest in self.log:
            if verb == "dealloc":
                made.setdefault(role, set()).add(rest[0])
            elif verb == "exiting":
                exiting.add(role)
            elif verb == "immortalized" and (role in exiting) == at_exit:
                found |= made.get(role, set()) | made.get("m", set())
        return found

    def outlived(self) -> set[tuple[str, str]]:
        """Return whose object was made immortal by a call in the program: (role, id)."""
        made: dict[str, set[str]] = {}
        found: set[tuple[str, str]] = set()
        for role, verb, *rest in self.log:
            if verb == "made":
                made.setdefault(role, set()).add(rest[0])
            elif verb == "fork":
                made.setdefault(rest[0], set()).update(made.get(role, set()))
            elif verb == "immortalized":
                found |= {(role, ident) for ident in made.get(role, set())}
        return found


def _broken(rows: tuple[tuple[str, ...], ...]) -> list[str]:
    """Return what finalizers found broken, but for a module that is being imported.

    A finalizer that imports something may collect garbage in the midst of it. What is finalized
    then finds that module half made, in any interpreter.
    """
    found = []
    running: Counter[str] = Counter()
    for role, verb, *rest in rows:
        if verb in ("ran", "end"):
            running[role] += 1 if verb == "ran" else -1
        elif verb == "BROKEN":
            line = " ".join((role, *rest))
            if running[role] < 2 or "partially initialized module" not in line:
                found.append(line)
    return found


def _early(rows: tuple[tuple[str, ...], ...], wanted: str) -> set[tuple[str, str]]:
    """Return whose finalizer ("ran") or callback ("called") came before the exit.

    When the collector comes is another matter in each interpreter, and in the middle of an import
    a finalizer that imports the same has no luck in any.
    """
    exiting: set[str] = set()
    found = set()
    for role, verb, *rest in rows:
        if verb == "exiting":
            exiting.add(role)
        elif verb == wanted and role not in exiting:
            found.add((role, rest[0]))
    return found


def _before(rows: tuple[tuple[str, ...], ...]) -> set[tuple[str, str]]:
    """Return what a worker need not do, by worker and id: the program had done it when it forked.

    Cyclic garbage goes when the collector comes, before a fork or after.
    """
    done: set[str] = set()
    found: set[tuple[str, str]] = set()
    for role, verb, *rest in rows:
        if role == "m" and verb in ("ran", "called"):
            done.add(rest[0])
        elif verb == "fork":
            found |= {(rest[0], ident) for ident in done}
    return found


def interesting(stock: Outcome, status: int) -> str:
    """Say why a program tells nothing, or nothing; *status* is what it asks for."""
    if stock.status is None:
        return "stock hangs"
    if stock.status < 0:
        return "stock crashes"
    if stock.status != status:
        # With a subinterpreter left, its main thread may end before the interpreter does.
        return "stock's status is another"
    if text.popped(stock.stderr):
        return "stock's collector came in the middle of an import"
    return "too slow" if Facts(stock).late else ""


def judge(stock: Outcome, patched: Outcome) -> list[Fault]:
    """Return what is wrong with the patched run, given a stock run that ended."""
    if patched.status is None:
        return [Fault("hang", "stock ends")]
    if text.reentered(patched.stderr):
        return [Fault("chance", "the collector came in the middle of an import")]
    if patched.status != stock.status:
        kind = "crash" if patched.status < 0 else "status"
        return [Fault(kind, f"{patched.status}, stock {stock.status}")]
    if text.mixed(patched.stderr):
        return [Fault("chance", "two threads report at the same time")]
    old, new = Facts(stock), Facts(patched)
    if new.late:
        return [Fault("late", "a thread did not start in time")]
    found = [*_workers(old, new), *_finalizers(old, new, patched), *_callbacks(old, new)]
    found += [Fault("broken", line) for line in new.broken]
    found += [*_stdout(stock, patched, old, new), *_stderr(stock, patched, new)]
    found += [*_files(stock, patched, new), *_released(stock, patched, old, new)]
    return sorted(set(found))


def _workers(old: Facts, new: Facts) -> list[Fault]:
    return [
        Fault("worker", f"{role}: status {new.status.get(role)}, stock {status}")
        for role, status in old.status.items()
        if new.status.get(role) != status
    ]


def _finalizers(old: Facts, new: Facts, patched: Outcome) -> list[Fault]:
    found = []
    ran, was = new.count["ran"], old.count["ran"]
    for key, times in ran.items():
        # Stock runs one again that has no header for the collector and was resurrected. A module
        # that is taken out of sys.modules and imported again makes another of each.
        if times > max(1, was[key], new.count["made"]["m", key[1]]):
            found.append(Fault("twice", f"{key[0]} {key[1]}: {times}, stock {was[key]}"))
    due = set(new.due())
    for key in sorted((due | {key for key, times in was.items() if times}) - new.before):
        if not ran[key]:
            kind = "lost" if was[key] else "lost, as on stock"
            found.append(Fault(kind, f"{key[0]} {key[1]}"))
    outlived = new.outlived()
    refused = [block for block in text.sort(patched.stderr).blocks if text.refused(block)]
    for key in ran.keys() - new.early:
        # "A finalizer that starts a thread gets RuntimeError": ids of these end with ~.
        # "An immortal object is finalized with all others, after daemon threads were stopped".
        ended = old.count["end"][key] and not key[1].endswith("~") and key not in outlived
        must = key[1].endswith("!") or ended
        # "A refused thread or fork [...] is reported as there".
        must = must and not any(text.names(block, key[1]) for block in refused)
        if must and not new.count["end"][key]:
            found.append(Fault("not ended", f"{key[0]} {key[1]}"))
    return found


def _callbacks(old: Facts, new: Facts) -> list[Fault]:
    called, was = new.count["called"], old.count["called"]
    lost = {key for key, times in was.items() if times and not called[key]} - new.before
    # Neither interpreter calls back what was garbage when the program called gc.freeze(). Whether
    # the collector came before that is chance.
    if any(row[1] == "froze" for row in new.log):
        lost -= old.collected
    found = [Fault("callback lost", f"{role} {ident}") for role, ident in sorted(lost)]
    found += [
        Fault("callback twice", f"{k[0]} {k[1]}") for k in called if called[k] > max(1, was[k])
    ]
    found += [
        Fault("weak dictionary", f"{k}: {new.entries[k]} entries, stock none")
        for k, entries in old.entries.items()
        if entries == "0" and new.entries.get(k, "0") != "0"
    ]
    return found


def _stdout(stock: Outcome, patched: Outcome, old: Facts, new: Facts) -> list[Fault]:
    old_lines, new_lines = (Counter(text.plain(o.stdout)) for o in (stock, patched))
    found = []
    # "An immortal object is finalized with all others": at exit, when what its finalizer registers
    # with atexit comes too late.
    immortalized = any(row[1] == "immortalized" for row in new.log)
    for line in old_lines - new_lines:
        # Where the collector came before the exit, by chance, it came in time.
        words = line.split()
        collected = tuple(words[1::2]) in old.early - new.early
        if words[2:3] == ["late"] and (immortalized or collected):
            continue
        # What finalizers print is counted below: where stock has lost os._exit(), a child of one
        # prints again what was in the buffer.
        own = line.startswith("out ")
        if not own or (not new_lines[line] and tuple(line.split()[1:3]) not in new.before):
            found.append(Fault("stdout lost", line))
    for line in new_lines - old_lines:
        # F1, F3: finalizers that stock does not run, or whose stdout it has lost, print here.
        if not line.startswith("out ") or old_lines[line]:
            found.append(Fault("stdout", line))
    for (role, ident), times in new.count["said"].items():
        if new_lines[f"out {role} {ident}"] < times:
            found.append(Fault("stdout lost", f"out {role} {ident}"))
    return found


def _stderr(stock: Outcome, patched: Outcome, facts: Facts) -> list[Fault]:
    old, new = text.sort(stock.stderr), text.sort(patched.stderr)
    found = []
    # "An exception in a finalizer is reported as unraisable", at least where stock does.
    reports = [{block[-1] for block in o.blocks if text.on_purpose(block)} for o in (old, new)]
    found += [Fault("report lost", line) for line in reports[0] - reports[1]]
    for block, times in (Counter(new.blocks) - Counter(old.blocks)).items():
        early = any(text.names(block, ident) for _, ident in facts.early)
        if not early and not text.allowed(block):
            found.append(Fault("unraisable", f"{block[-1]} ({times}x) after {block[0]}"))
    for line in Counter(new.lines) - Counter(old.lines):
        # "A finalizer that is stuck in C [...] One line on stderr says so."
        if line.startswith("Python: a finalizer waits for a lock"):
            continue
        # F1: a finalizer that stock does not run may log, in a worker of what only the stack of a
        # thread had that the worker has not got: as often as it ran.
        ran = [times for (_, ident), times in facts.count["ran"].items() if line == f"log {ident}"]
        if new.lines.count(line) > sum(ran):
            found.append(Fault("stderr", line))
    # "Nothing is printed [...] for a coroutine that it made and could not await": where stock has
    # taken the function apart that would have taken the coroutine, it warns of it.
    # What a finalizer logs after a wait that comes too late, as in _finalizers().
    late = {f"log {ident}" for _, ident in facts.outlived()}
    lost = [
        line
        for line in Counter(old.lines) - Counter(new.lines)
        if not text.waited(line) and line not in late
    ]
    return found + [Fault("stderr lost", line) for line in lost]


def _content(files: dict[str, bytes], name: str) -> bytes:
    data = files.get(name, b"")
    if not name.endswith(".gz"):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return b""


def _files(stock: Outcome, patched: Outcome, new: Facts) -> list[Fault]:
    found = []
    for name in stock.files:
        if name.startswith("tmp") or ".db" in name or name.endswith(".count"):
            continue
        if name.endswith(".zip"):
            both = [io.BytesIO(o.files.get(name, b"")) for o in (stock, patched)]
            whole = [zipfile.is_zipfile(data) for data in both]
            if whole == [True, False]:
                found.append(Fault("file", f"{name} is no archive"))
            continue
        old, now = (Counter(_content(o.files, name).splitlines()) for o in (stock, patched))
        if old - now:
            found.append(Fault("file", f"{name}: {sum((old - now).values())} lines lost"))
    for row in new.log:
        if row[1] == "file":  # F4, whatever stock does
            lines = _content(patched.files, row[2]).splitlines()
            if len([line for line in lines if line.startswith(b"data")]) < int(row[3]):
                found.append(Fault("file", f"{row[2]}: {len(lines)} of {row[3]} lines"))
    left = [sum(name.startswith("tmp") for name in o.files) for o in (stock, patched)]
    if left[1] > left[0]:
        found.append(Fault("left over", f"{left[1]} temporary files, stock {left[0]}"))
    return found


def _released(stock: Outcome, patched: Outcome, old: Facts, new: Facts) -> list[Fault]:
    # "What was open when the heap became immortal is deallocated by the process that called": a
    # worker leaves its copy alone.
    immortal = new.immortal(at_exit=False)
    # A call in a finalizer finds objects that the finalization itself holds.
    unjudged = new.immortal(at_exit=True)
    found: list[Fault] = []
    # "Where a finalizer was left alone, the process ends after the others."
    if "Python: a finalizer waits for a lock" in patched.stderr:
        return found
    # "Whether a deallocator runs for what a module holds is chance [...] where a stopped daemon
    # thread uses the module's namespace, or C code holds it": stock clears it if its module is
    # alive, which a suspended generator's frame can see to. Workers have no such thread, and their
    # objects are judged.
    chance = any(row[0] == "m" and row[1] in ("daemon", "held_by_c") for row in new.log)
    for name in {row[2] for row in new.log if row[1] == "dealloc"} - unjudged:
        times = [o.files.get(f"{name}.count", b"").count(b"\n") for o in (stock, patched)]
        worker = any(row[1:3] == ("dealloc", name) and row[0] != "m" for row in new.log)
        if chance and not worker:
            continue
        # A finalizer may take its module from sys.modules, and the next import runs it again, if
        # the collector has come before that.
        made = [sum(row[1:3] == ("dealloc", name) for row in facts.log) for facts in (old, new)]
        once = times[1] < min(times[0], 1)
        if once if name in immortal else times[1] * made[0] < times[0] * made[1]:
            found.append(Fault("not released", f"{name}: {times[1]}, stock {times[0]}"))
        if times[1] > max(times[0], made[1]) and "fork" not in {row[1] for row in new.log}:
            found.append(Fault("released twice", f"{name}: {times[1]}, stock {times[0]}"))
        left = [f"{name}.db-wal" in o.files for o in (stock, patched)]
        if left == [False, True]:
            found.append(Fault("not released", f"{name}.db-wal is left"))
    return found
