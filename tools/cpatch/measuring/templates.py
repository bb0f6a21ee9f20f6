"""Templates filled in: the reports of all verbs, in Markdown and as pages."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jinja2


def fill(
    template: Path, context: Mapping[str, Any], filters: Mapping[str, Callable[..., str]]
) -> str:
    """Return *template* with *context* set in; a name that it lacks is an error.

    What a page shows is escaped, what a Markdown file shows is not.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template.parent),
        autoescape=jinja2.select_autoescape(["html.j2"]),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= filters
    return environment.get_template(template.name).render(context)


def percent(number: float, digits: int = 1) -> str:
    """Return a share as a signed percentage."""
    return f"{number * 100:+.{digits}f} %".replace("-", "−")


#: How the reports write an estimate of a ratio, the noise around it, a share, and a count.
FIGURES: dict[str, Callable[..., str]] = {
    "ratio": lambda each: f"{each.ratio:.3f}",
    "interval": lambda each: f"{each.ratio_low:.3f}–{each.ratio_high:.3f}",
    "percent": percent,
    "band": lambda each: f"±{(math.exp(each.reach) - 1) * 100:.1f} %",
    "count": lambda value: f"{value / 1e6:.1f} M",
}
