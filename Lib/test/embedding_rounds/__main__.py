"""Run the rounds and print a table; exit with 1 if a way fails.

What another interpreter fails is shown, and is no failure.  The way "each"
keeps what each round made immortal: some MiB a round, 3.5 GiB after 1,000.
"""

import argparse
import json
import os
import sys
import tempfile
from test.embedding_rounds import WAYS, CannotBuild, build, run
from test.finalization_ways.runner import executable


def parse():
    parser = argparse.ArgumentParser(
        prog='python -m test.embedding_rounds', description=__doc__)
    parser.add_argument('ways', nargs='*', metavar='WAY', default=WAYS,
                        help='of ' + ', '.join(WAYS) + ' (default: all)')
    parser.add_argument('--rounds', type=int, default=1000, metavar='N',
                        help='how many, two or more (default: %(default)s)')
    parser.add_argument('--compare', metavar='STOCK', type=executable,
                        help='another interpreter, shown beside it')
    parser.add_argument('--option', help='for -X, as immortal_heap=off')
    parser.add_argument('--json', action='store_true',
                        help='print the memory after each round, in KiB')
    args = parser.parse_args()
    unknown = sorted(set(args.ways) - set(WAYS))
    if unknown:
        parser.error(f'no such way: {", ".join(unknown)}; want some of '
                     + ', '.join(WAYS))
    if args.rounds < 2:
        parser.error(f'--rounds {args.rounds}: want two or more')
    return args


def measure(args, python, program):
    """Yield each way and its Memory, or what went wrong."""
    for way in args.ways:
        try:
            yield way, run(program, way, args.rounds, python, args.option,
                           timeout=args.rounds * 10)
        except RuntimeError as error:
            yield way, str(error)


def row(python, way, found):
    if isinstance(found, str):
        return f'| {python} | {way} | {found.splitlines()[-1]} | | |'
    first, last = found.after[0] / 1024, found.after[-1] / 1024
    return (f'| {python} | {way} | {first:,.1f} | {last:,.1f} '
            f'| {found.per_round:.1f} |')


def main():
    args = parse()
    pythons = [sys.executable]
    if args.compare:
        pythons.insert(0, args.compare)
    raw = {}
    with tempfile.TemporaryDirectory() as home:
        programs = {python: os.path.join(home, f'rounds-{number}')
                    for number, python in enumerate(pythons)}
        try:
            for python, program in programs.items():
                build(python, program)
        except (CannotBuild, RuntimeError) as error:
            sys.exit(f'error: {error}')
        if not args.json:
            print('| interpreter | way | MiB after the first round '
                  '| after the last | KiB per round |\n'
                  '|---|---|---:|---:|---:|')
        for python, program in programs.items():
            for way, found in measure(args, python, program):
                raw.setdefault(python, {})[way] = (
                    found if isinstance(found, str) else found.after)
                if not args.json:
                    print(row(python, way, found), flush=True)
    if args.json:
        print(json.dumps(raw))
    return any(isinstance(found, str) for found in raw[sys.executable].values())


if __name__ == '__main__':
    sys.exit(main())
