"""Jinja2 templates with their words in the reader's language."""

from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.browser_guard import PAGE_HEADERS
from api.console.assets import entry
from api.pages.words import words

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(name: str, language: str, *, status: int = 200, bundle: str = "pages", **values: Any) -> HTMLResponse:
    """The template `name` filled; `bundle` is the built entry whose style (and script) it links."""
    html = _templates.get_template(name).render(language=language, w=words(language), assets=entry(bundle), **values)
    return HTMLResponse(html, status, headers=PAGE_HEADERS)
