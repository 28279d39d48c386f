"""The site of the documentation is built without a warning, and whatever its pages link to within it is there."""

from urllib.parse import unquote, urlsplit

import pytest
from documentation import ROOT
from selectolax.lexbor import LexborHTMLParser
from sphinx.cmd.build import build_main

import longspan
from longspan import registry

pytestmark = pytest.mark.filterwarnings("ignore:'myst_parser:PendingDeprecationWarning")
THEME = "basic"  # links are the same in every theme, and this one is quick


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of a site without one warning."""
    folder = tmp_path_factory.mktemp("site")
    docs = str(ROOT / "docs")
    arguments = ["-c", docs, "-q", "-E", "-W", "-d", str(folder / "trees"), "-D", f"html_theme={THEME}"]
    assert build_main([*arguments, str(ROOT), str(folder / "site")]) == 0
    return folder / "site"


@pytest.fixture(scope="module")
def read(site):
    """Each page of the site by its path: the names of its anchors, and where its links lead."""
    found = {}
    for path in site.rglob("*.html"):
        tree = LexborHTMLParser(path.read_text("utf-8"))
        names = {node.attributes["id"] for node in tree.css("[id]")}
        links = [node.attributes["href"] for node in tree.css("a[href]")]
        images = [node.attributes["src"] for node in tree.css("img[src]")]
        found[path] = names, links + images
    return found


def test_every_link_within_the_site_leads_somewhere(site, read):
    lost = []
    for page, (_, links) in read.items():
        for link in links:
            address = urlsplit(link or "")
            if address.scheme or address.netloc:
                continue
            path = (page.parent / unquote(address.path)).resolve() if address.path else page
            if not path.is_file() or (address.fragment and unquote(address.fragment) not in read[path][0]):
                lost.append(f"{page.relative_to(site)} links to {link}")
    assert lost == []


def test_the_reference_has_every_public_name_and_every_contract(site, read):
    names, _ = read[site / "docs" / "api.html"]
    public = {f"longspan.{name}" for name in longspan.__all__ if name not in ("__version__", "errors")}
    classes = [registry.contract(room) for room in registry.ROOMS if registry.cards(room)]
    assert public | {f"{each.__module__}.{each.__qualname__}" for each in classes} <= names
