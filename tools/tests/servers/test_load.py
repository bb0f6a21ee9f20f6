"""load: the mix of requests, and pages that answer them."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

from cpatch.servers import load


def test_the_mix_is_the_same_for_a_seed() -> None:
    one, two = ([load.ask(random.Random(7), 50) for _ in range(3)] for _ in range(2))
    assert one == two
    dice = random.Random(1)
    pages = Counter(load.ask(dice, 500).page for _ in range(5000))
    assert set(pages) == set(load.MIX)
    assert sum(load.MIX.values()) == 100
    for page, share in load.MIX.items():
        assert abs(pages[page] / 50 - share) < 2


def test_both_applications_have_every_page() -> None:
    root = Path(__file__).parents[2] / "servers"
    urls = (root / "django_shop/shop/urls.py").read_text()
    rules = (root / "shelf/shop/web.py").read_text()
    dice = random.Random(1)
    for what in {ask.page: ask for ask in (load.ask(dice, 9) for _ in range(200))}.values():
        stem = what.path.strip("/").split("/")[0].split("?")[0]
        assert f'"{stem}/' in urls or not stem
        assert f'"/{stem}/' in rules or f'"/{stem}"' in rules
