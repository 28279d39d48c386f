"""The text of a page as a reader sees it, one block a line."""

from longspan.spans.formats.html.reading import html, html_apart, html_text, is_html

__all__ = ["html", "html_apart", "html_text", "is_html"]
