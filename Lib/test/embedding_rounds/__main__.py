"""Run the rounds and print a table."""

import argparse
import json
import os
import sys
import tempfile
from test.embedding_rounds import WAYS, CannotBuild, build, run


def parse():
    parser = argparse.ArgumentParser(
        prog='python -m test.embedding_rounds', description=__doc__)
    parser.add_argument('ways', nargs='*', metavar='WAY', default=WAYS,
                        help='of ' + ', '.join(WAYS) + ' (default: all)')
    parser.add_argument('--rounds', type=int, default=1000, metavar='N')
    parser.add_argument('--compare', metavar='STOCK',
                        help='another interpreter, shown beside it')
    parser.add_argument('--option', help='for -X, as immortal_heap=off')
    parser.add_argument('--json', action='store_true',
                        help='print the memory after each round')
    args = parser.parse_args()
    unknown = sorted(set(args.ways) - set(WAYS))
    if unknown:
        parser.error(f'no such way: {", ".join(unknown)}; want some of '
                     + ', '.join(WAYS))
    if args.rounds < 2:
        parser.error(f'--rounds {args.rounds}: want two or more')
    return args


def measure(args, python, home):
    """Yield each way and its Memory, or what went wrong."""
    program = os.path.join(home, 'rounds')
    build(python, program)
    for way in args.ways:
        try:
            yield way, run(program, way, args.rounds, python, args.option,
                           timeout=args.rounds * 10)
        except RuntimeError as error:
            yield way, str(error)


def row(python, way, found):
    if isinstance(found, str):
        return f'| {python} | {way} | {found.splitlines()[-1]} | | |'
    return (f'| {python} | {way} | {found.after[0]:,} | {found.after[-1]:,} '
            f'| {found.per_round:.1f} |')


def main():
    args = parse()
    pythons = [sys.executable]
    if args.compare:
        pythons.insert(0, os.path.abspath(args.compare))
    raw = {}
    if not args.json:
        print('| interpreter | way | KiB after the first | after the last | '
              'per round |\n|---|---|---:|---:|---:|')
    for python in pythons:
        with tempfile.TemporaryDirectory() as home:
            try:
                for way, found in measure(args, python, home):
                    raw.setdefault(python, {})[way] = (
                        found if isinstance(found, str) else found.after)
                    if not args.json:
                        print(row(python, way, found), flush=True)
            except CannotBuild as error:
                sys.exit(f'error: {error}')
    if args.json:
        print(json.dumps(raw))


if __name__ == '__main__':
    main()
