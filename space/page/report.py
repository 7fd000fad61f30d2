"""What Many pictures and Video have in common: a summary with its downloads, the findings under it."""

import json
from typing import Any

from page.data_uris import to_uri
from page.templates import render


def render_no_report(tab: str, text: str, language: str) -> str:
    """text: what stands there before anything is dropped."""
    return render("report_empty", language, tab=tab, text=text)


def render_report(tab: str, summary: str, table: str, listing: Any, language: str, **findings: Any) -> str:
    """table: CSV. listing: for JSON. Both lie in the page itself. findings: what the tab's template shows."""
    told = json.dumps(listing, indent=2, ensure_ascii=False)
    return render(
        tab,
        language,
        tab=tab,
        summary=summary,
        csv=to_uri("text/csv", table.encode("utf-8-sig")),  # the mark tells Excel: UTF-8
        listing=to_uri("application/json", told.encode()),
        **findings,
    )
