"""A tenant's own style sheet: what stays, what is refused with its line, and how it is served."""

import pytest
import tinycss2
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from tenants.models import Tenant
from tenants.scope import tenant_scope
from tenants.stylesheets import BadCss, sanitise_css


def test_keeps_what_is_allowed_below_the_portals_own_class() -> None:
    css = """
    /* ours */
    .card, h1:hover { border-radius: 0; color: rgb(10 20 30 / 50%) !important }
    body { --accent: #123456; font-family: "Georgia", serif }
    @media (max-width: 600px) { .btn-primary { padding: calc(1px + .5rem) } }
    """
    assert sanitise_css(css) == (
        ".portal-custom .card, .portal-custom h1:hover"
        " { border-radius: 0; color: rgb(10 20 30 / 50%) !important; }\n"
        '.portal-custom { --accent: #123456; font-family: "Georgia", serif; }\n'
        "@media (max-width: 600px) {\n  .portal-custom .btn-primary { padding: calc(1px + .5rem); }\n}\n"
    )


@pytest.mark.parametrize(
    "css",
    [
        ".card { background: url(https://evil.example/x.png) }",
        ".card { background: url('x.png') }",
        ".card { background: u\\72l(x.png) }",
        ".card { background: /**/ url(x) }",
        ".card { --x: url(x) }",
        ".card { background: image-set('x.png' 1x) }",
        ".card { font-family: '\\3c/style>' }",
        ".card { --tblr-breadcrumb-divider: 'Pay at evil.example' }",
        ".card { --tblr-breadcrumb-d\\69vider: 'Pay at evil.example' }",
        "a { width: " + "(" * 15_000 + " }",
        "@media " + "(" * 9_000 + ")" * 9_000 + " { a { color: red } }",
        ".card { background: -webkit-image-set('x.png' 1x) }",
        ".card { width: expression(alert(1)) }",
        ".card { width: attr(href) }",
        ".card { background: element(#x) }",
        "@import 'https://evil.example/x.css';",
        "@import url(x.css);",
        "@font-face { font-family: x; src: url(x.woff) }",
        "@charset 'utf-8';",
        "@namespace x url(x);",
        "@media screen { @import 'x.css'; }",
        "@keyframes x { from { color: red } }",
        "@supports (color: red) { a { color: red } }",
        ".card { position: fixed }",
        ".card { z-index: 9 }",
        ".card { content: 'Paid' }",
        ".card { behavior: none }",
        ".card { -moz-binding: none }",
        ".card { cursor: none }",
        "input[value^=a] { color: red }",
        "</style><script>alert(1)</script>",
        ".card { color: red } </style>",
        "> a { color: red }",
        ", a { color: red }",
        "a { & b { color: red } }",
        "a { b: hover { color: red } }",
        "a { color: red; } }",
        "a { color: 'un\nclosed }",
        "a { color",
        "a { color: {} }",
        "a { color: red;;; @media print { color: blue } }",
        ":has(a) { color: red }",
        "a::before { content: 'x' }",
        "@media url(x) { a { color: red } }",
        "a" * 20_001,
        "a { color: \x00red }",
    ],
)
def test_refuses(css: str) -> None:
    with pytest.raises(BadCss) as refused:
        sanitise_css(css)
    assert refused.value.code == "bad_css"
    assert "portal_css" in refused.value.fields


@pytest.mark.parametrize("escape", ["\\9", "\\20", "\\c", "\\d", "\\a"])
def test_an_escape_at_the_end_takes_nothing_with_it(escape: str) -> None:
    clean = sanitise_css(f".card {{ --x: {escape} ; color: red }}\n.btn {{ color: blue }}")
    rules = tinycss2.parse_stylesheet(clean, skip_whitespace=True)
    assert len(rules) == 2
    assert [item.name for item in tinycss2.parse_blocks_contents(rules[0].content, skip_whitespace=True)] == [
        "--x",
        "color",
    ]


def test_names_the_line() -> None:
    with pytest.raises(BadCss, match=r"Line 3: “url\(\)” is not allowed"):
        sanitise_css("a { color: red }\n\nb { background: url(x) }")


@pytest.mark.parametrize(
    "css", ["", "/* nothing */", "a { }", "html.x a, :root .y { color: red }", "a, b > c + d ~ e {}"]
)
def test_what_comes_out_goes_in_again_unchanged(css: str) -> None:
    once = sanitise_css(css)
    assert sanitise_css(once) == once


_SIGNS = list("{}();:\"'\\,> \n<&[].#*")
_WORDS = ["a", ".b", "#c", "color", "red", "url(", "@import", "@media", "/*", "*/", "background", "rgb(1,2,3)", "--x"]
_TRICKS = ["!important", "u\\72l(", "1px", "body", "expression(", "position", "fixed", "é"]
_PIECES = st.sampled_from([*_SIGNS, *_WORDS, *_TRICKS])


@given(st.lists(_PIECES, max_size=30).map("".join))
def test_whatever_is_typed_nothing_escapes(css: str) -> None:
    try:
        clean = sanitise_css(css)
    except BadCss:
        return
    assert sanitise_css(clean) == clean
    assert "<" not in clean
    rules = tinycss2.parse_stylesheet(clean, skip_comments=True, skip_whitespace=True)
    for rule in rules:
        assert rule.type in {"qualified-rule", "at-rule"}
        if rule.type == "qualified-rule":
            assert all(
                part.strip().startswith(".portal-custom") for part in tinycss2.serialize(rule.prelude).split(",")
            )
        assert "url(" not in tinycss2.serialize([rule]).lower()


@pytest.mark.django_db(transaction=True)
def test_is_served_from_an_address_of_its_own(client: Client, tenant: Tenant) -> None:
    page = client.get("/portal/acme/sign-in/").content.decode()
    assert "style.css" not in page
    with tenant_scope(tenant.pk):
        Tenant.objects.filter(pk=tenant.pk).update(portal_css=sanitise_css(".card { border-radius: 0 }"))
    page = client.get("/portal/acme/sign-in/").content.decode()
    href = page.split('href="/portal/acme/style.css')[1].split('"')[0]
    answer = client.get(f"/portal/acme/style.css{href}")
    assert answer.content.decode() == ".portal-custom .card { border-radius: 0; }\n"
    assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert client.get("/portal/nowhere/style.css").status_code == 404
