"""What an audit's reports show, on made-up data."""

from __future__ import annotations

import pytest
from cowaudit import objects, pagemap
from cpatch.audit import picture, run, view
from cpatch.base.errors import CpatchError

PAGE = pagemap.PAGE


def page_row(number: int, kind: str = objects.REFCOUNT, **more) -> dict:
    row = {"page": 0x7F0000000000 + number * PAGE, "new": False, "area": "arena", "kind": kind}
    row |= {"owner": "str", "field": "", "kinds": {kind: 1}, "changed": 1, "how": "trace"}
    return row | more


def made_up(immortal: bool, rows: list[dict], **more) -> dict:
    new = [{"page": 0x7F0000400000, "new": True, "area": "mapped"}]
    look = {
        "rounds": 1,
        "idle": {"private_dirty": 400 * 1024, "pages": 100},
        "workers": [
            {"name": "worker 1", "private_dirty": 1500 * 1024, "growth": 1100 * 1024}
            | {"exclusive": 375, "forked": 99, "written": len(rows), "new": 1}
        ],
        "subject": {"name": "traced", "exclusive": 375, "forked": 99, "written": 5, "new": 1},
        "resting": [0x7F0000000000 + 50 * PAGE],
        "pages": rows + new,
    }
    return {
        "python": "/opt/python<b>",
        "release": "9.8.7",
        "immortal": immortal,
        "mode": "immortalize" if immortal else "freeze",
        "application": "/home/me/my_app.py",
        "modules": 40,
        "page": PAGE,
        "present": 300,
        "private": 200,
        "huge_pages": "madvise",
        "trace": {"done": True, "why": "", "unwatched": 0},
        "checkpoints": [look],
        "picture": [{"start": 0x7F0000000000, "area": "arena", "pages": 64}],
        **more,
    }


ROWS = [
    page_row(0, function="_PyEval_EvalFrameDefault", line=["/x/app.py", 7, "view"]),
    page_row(1, function="_PyEval_EvalFrameDefault", line=["/x/app.py", 7, "view"]),
    page_row(2, kinds={objects.REFCOUNT: 3, objects.FREE: 2}, function="f"),
    page_row(3, objects.FREE, function="libc.so.6", callers=["realloc", "list_append", "main"]),
    page_row(4, objects.POOL, owner="", function="read", syscall=0),
    page_row(5, objects.SAME, owner="", kinds={}),
]


class TestView:
    @pytest.fixture
    def context(self) -> dict:
        return view.content([made_up(False, ROWS), made_up(True, ROWS[:1])], top=3)

    def test_kinds_and_what_is_there_alone(self, context) -> None:
        table = {
            row["kind"]: [(cell["pages"], cell["alone"]) for cell in row["cells"]]
            for row in context["kinds"]
        }
        assert table[objects.REFCOUNT] == [(3, 2), (1, 1)]
        assert table[objects.FREE] == [(1, 1), (0, 0)]
        assert objects.CODE not in table
        totals = {row["kind"]: [c["pages"] for c in row["cells"]] for row in context["totals"]}
        assert totals == {
            "all old pages": [6, 1],
            "new memory": [1, 1],
            "written by the fork itself": [99, 99],
        }

    def test_who(self, context) -> None:
        assert context["writers"][0][0] == (
            2,
            (objects.REFCOUNT, "str", "_PyEval_EvalFrameDefault", "app.py:7 view"),
        )
        assert len(context["writers"][0]) == 3
        assert view.function(ROWS[3]) == ("libc.so.6 for list_append",)
        assert view.function(ROWS[4]) == ("system call 0 in read",)
        assert view.function(ROWS[5]) == ("not seen",)

    def test_sides_are_told_apart(self) -> None:
        every = view.sides([made_up(False, []), made_up(True, []), made_up(False, [])])
        assert [side.label for side in every] == [
            "stock, freeze #1",
            "patched, immortalize",
            "stock, freeze #2",
        ]

    def test_the_wheel_has_a_name(self) -> None:
        every = view.sides([made_up(False, [], wheel=True), made_up(False, [])])
        assert [side.label for side in every] == ["wheel, freeze", "stock, freeze"]

    def test_growth_and_notes(self, context) -> None:
        first = context["growth"][0]
        assert (first["growth"], first["idle"]) == ([1100 * 1024], 400 * 1024)
        # 375 pages are 1500 KiB: nothing to note, but for the page that nobody saw written.
        assert [note for note in context["notes"] if "add up" in note] == []
        assert any("1 of 6 pages were written unseen" in note for note in context["notes"])
        apart = made_up(False, [], huge_pages="always")
        apart["checkpoints"][0]["workers"][0]["exclusive"] = 900
        notes = view.content([apart], top=3)["notes"]
        assert any("1500 KiB Private_Dirty, and its pages add up to 3600 KiB" in n for n in notes)
        assert any("huge pages" in note for note in notes)

    def test_reports(self, context) -> None:
        text = view.render(context, "audit.md.j2")
        assert "| stock, freeze | 1 | **1100 KiB** |" in text
        assert f"| {objects.REFCOUNT} | 3 | 12 | 2 | 1 | 4 | 1 |" in text
        assert "\\_PyEval\\_EvalFrameDefault" in text
        for line in text.splitlines():
            assert not line.startswith("|") or line.endswith("|")
        page = view.render(context, "audit.html.j2")
        assert "/opt/python&lt;b&gt;" in page
        assert 'src="data:image/png;base64,' in page
        assert "http" not in page
        shown = "\n".join(view.terminal(context))
        assert "1100 KiB" in shown
        assert "app.py:7 view" in shown

    def test_sizes(self) -> None:
        assert view.size(716 * 1024) == "716 KiB"
        assert view.size(57.4 * 2**20) == "57.4 MiB"
        assert view.span([1024, 1024]) == "1 KiB"
        assert view.span([2048, 1024]) == "1 KiB to 2 KiB"


def test_picture() -> None:
    found = picture.cells(made_up(False, ROWS))
    codes = list(picture.LEGEND)
    row = [codes[code] for code in found["arena"][0]]
    assert row[:6] == [each["kind"] for each in ROWS]
    assert row[6:50] == [picture.SHARED] * 44
    assert row[50] == picture.FORK
    assert row[64:] == [picture.ABSENT] * 192
    assert codes[found["mapped"][0][0]] == picture.NEW


def test_every_kind_has_a_colour() -> None:
    assert set(objects.KINDS) <= set(picture.LEGEND)
    assert len(set(picture.LEGEND.values())) == len(picture.LEGEND)


def test_rounds() -> None:
    assert run.parse_rounds("10,1") == [1, 10]
    assert run.parse_rounds("3") == [3]
    with pytest.raises(CpatchError):
        run.parse_rounds("1,,2")
