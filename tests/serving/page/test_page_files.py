"""The files of the page: what is served, under which policy, and that a wheel has them all."""

import re
from pathlib import Path, PurePosixPath

import pytest
from fastapi.testclient import TestClient
from paged import Shelf, app

from longspan.serving.page.routes import FILES, KINDS, served

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def client():
    with TestClient(app(Shelf()), base_url="http://localhost") as client:
        yield client


def test_the_page_comes_with_a_policy_that_lets_nothing_else_in(client):
    page = client.get("/")
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert policy["default-src"] == policy["form-action"] == policy["base-uri"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "connect-src")} == {"'self'"}
    assert policy["require-trusted-types-for"] == "'script'"
    assert page.headers["x-content-type-options"] == "nosniff"


def test_each_file_is_known_by_its_hash(client):
    for name in served():
        first = client.get(f"/page/{name}")
        again = client.get(f"/page/{name}", headers={"if-none-match": f'"other", W/{first.headers["etag"]}'})
        assert (first.status_code, again.status_code) == (200, 304), name
        assert first.content
        assert not again.content
        assert first.headers["cache-control"] == "no-cache"
        assert "content-security-policy" in first.headers
    assert client.get("/", headers={"if-none-match": '"other"'}).status_code == 200
    assert client.head("/").status_code == 200


@pytest.mark.parametrize(
    "name",
    ["../routes.py", "..%2froutes.py", "%2e%2e/routes.py", "code", "code/", "nothing.js", "//etc/passwd"],
)
def test_nothing_else_is_opened(client, name):
    assert client.get(f"/page/{name}").status_code == 404


def test_the_page_names_only_files_that_are_here():
    files = served()
    page = (FILES / "index.html").read_text("utf-8")
    named = set(re.findall(r'(?:src|href)="page/([^"]+)"', page))
    assert named
    assert named <= set(files)
    imported = set()
    for path in sorted((FILES / "code").glob("*.js")):
        imported |= {f"code/{name}" for name in re.findall(r'from "\./([^"]+)"', path.read_text("utf-8"))}
    assert imported <= set(files)
    assert set(files) == named | imported | {"index.html"}, "a file that nothing names"


def test_no_code_makes_markup_out_of_text_and_no_file_names_another_host():
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc|cssText"
    )
    for path in sorted(FILES.rglob("*")):
        if path.suffix in KINDS:
            text = path.read_text("utf-8")
            assert not forbidden.search(text), path
            hosts = set(re.findall(r"https?://[\w.]+", text)) - {"http://www.w3.org"}
            assert not hosts, path
    page = (FILES / "index.html").read_text("utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page)


def test_files_of_the_page_are_small():
    for path in sorted(FILES.rglob("*")):
        if path.suffix in KINDS:
            assert len(path.read_text("utf-8").splitlines()) <= 400, path


def test_the_package_that_runs_has_all_files_of_the_source():
    """Where it was installed from a wheel, the wheel had them."""
    assert set(served()) == set(served(ROOT / "src/longspan/serving/page/files"))


def test_nothing_of_the_page_is_kept_out_of_a_wheel():
    """What git ignores is left out of wheels."""
    ignored = [
        line for line in (ROOT / ".gitignore").read_text("utf-8").splitlines() if line and line[0] != "#"
    ]
    for name in served():
        path = PurePosixPath("src/longspan/serving/page/files") / name
        matching = [rule for rule in ignored for each in (path, *path.parents) if each.match(rule.strip("/"))]
        assert not matching, f"{path} is ignored by {matching}"
