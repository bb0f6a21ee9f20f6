"""Run the ways on an interpreter and print a table."""

import argparse
import collections
import json
import sys
from test.finalization_ways.registry import load
from test.finalization_ways.runner import executable, in_parallel, run_way


def parse():
    parser = argparse.ArgumentParser(
        prog='python -m test.finalization_ways', description=__doc__)
    parser.add_argument('names', nargs='*', metavar='NAME',
                        help='ways to run (default: all)')
    parser.add_argument('--python', metavar='EXE', default=sys.executable,
                        type=executable,
                        help='interpreter to judge (default: this one)')
    parser.add_argument('--compare', metavar='STOCK', type=executable,
                        help='another interpreter, shown beside it')
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument('--immortalize', dest='mode', action='store_const',
                      const='immortalize', default='default',
                      help='call gc.immortalize_heap() as the last line')
    mode.add_argument('--wheel', dest='mode', action='store_const',
                      const='wheel',
                      help='call immortal_heap.immortalize_heap(), of the '
                           'wheel, as the last line')
    mode.add_argument('--heap-off', dest='mode', action='store_const',
                      const='off', help='run with -X immortal_heap=off')
    parser.add_argument('--json', action='store_true')
    parser.add_argument('--list', action='store_true',
                        help='print the names and stop')
    parser.add_argument('--script', action='store_true',
                        help='print the scripts and stop')
    args = parser.parse_args()
    unknown = set(args.names) - set(load())
    if unknown:
        parser.error('no such way: ' + ', '.join(sorted(unknown)))
    return args


def score(results):
    """All that count, how many are whole, and the other verdicts."""
    verdicts = collections.Counter(result.verdict for result in results)
    skipped = verdicts.pop('skipped', 0)
    whole = verdicts.pop('whole', 0)
    rest = ', '.join(f'{count} {verdict}'
                     for verdict, count in verdicts.most_common())
    once = whole + verdicts['torn'] + verdicts['mute']
    text = (f'{whole} of {len(results) - skipped} whole, '
            f'{once} ran once')
    if rest:
        text += f' ({rest})'
    if skipped:
        text += f', {skipped} skipped'
    return text


def main():
    args = parse()
    ways = load()
    names = args.names or list(ways)
    if args.list:
        print('\n'.join(names))
        return 0
    if args.script:
        print('\n'.join(ways[name].script for name in names))
        return 0
    runs = [(args.python, args.mode)]
    if args.compare:
        runs.append((args.compare, 'default'))
    rows = []
    width = max(map(len, names))
    for row in in_parallel(lambda name: [run_way(ways[name], exe, mode)
                                         for exe, mode in runs], names):
        rows.append(row)
        if not args.json:
            verdicts = ' '.join(f'{result.verdict:8}' for result in row)
            detail = ' | '.join(filter(None, (r.detail for r in row)))
            print(f'{row[0].name:{width}} {verdicts} {detail}'.rstrip(),
                  flush=True)
    totals = [score(column) for column in zip(*rows)]
    if args.json:
        json.dump([{'python': exe, 'mode': mode, 'score': total,
                    'ways': [result._asdict() for result in column]}
                   for (exe, mode), total, column
                   in zip(runs, totals, zip(*rows))], sys.stdout, indent=1)
        print()
    else:
        for (exe, mode), total in zip(runs, totals):
            print(f'{exe} ({mode}): {total}')
    return any(row[0].verdict not in ('whole', 'skipped') for row in rows)


if __name__ == '__main__':
    sys.exit(main())
