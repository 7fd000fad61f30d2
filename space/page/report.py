"""What Many pictures and Video have in common: a summary with its downloads, the findings under it."""

from markupsafe import Markup

from page import words
from page.data_uris import to_uri

EMPTY = Markup('<div class="fz-message" role="status"><p>{empty}</p><p class="fz-small">{privacy}</p></div>')
REPORT = Markup(
    '<div class="fz-report"><div class="fz-report-head"><h3 role="status">{summary}</h3><p>'
    '<a class="fz-button" download="faces.csv" href="{table}">{csv}</a>'
    '<a class="fz-button" download="faces.json" href="{listing}">{json}</a>'
    '<button type="button" class="fz-link" data-act="clear">{clear}</button></p></div>'
    '{body}<p class="fz-about">{privacy}</p></div>'
)


def render_no_report(empty: str, privacy: str) -> Markup:
    return EMPTY.format(empty=empty, privacy=privacy)


def render_report(
    summary: str, table: str, listing: str, body: Markup, privacy: str, language: str
) -> Markup:
    """table: CSV. listing: JSON. Both lie in the page itself."""
    return REPORT.format(
        summary=summary,
        table=to_uri("text/csv", table.encode("utf-8-sig")),  # the mark tells Excel: UTF-8
        listing=to_uri("application/json", listing.encode()),
        body=body,
        privacy=privacy,
        **{key: words.say(language, f"report.{key}") for key in ("csv", "json", "clear")},
    )
