"""The page in a real Chromium says what the command says, draws what Graphviz draws here, and is nobody's way in."""

from __future__ import annotations

import base64
import json
import re
import time
import zlib
from xml.etree import ElementTree

import click
import pytest

from spec_compiler import check_spec, plan_spec
from spec_compiler.cli.formats import plan_as
from spec_compiler.diagram import to_dot
from spec_compiler.diagram.draw import render
from tests.playground.conftest import ROOT, Handler, Page

INVALID = ROOT / "tests" / "fixtures" / "invalid"
WRONG = [
    "SC001-tab", "SC001-unclosed-bracket", "SC001-unclosed-quote", "SC002-duplicate-key", "SC003-empty",
    "SC005-alias-bomb", "SC005-nested-too-deep", "SC006-list-as-key", "SC101-block-parameter",
]  # fmt: skip
SIZED = "spec: 1\nbase: {application: VGG16, weights: null, include_top: false, input_shape: [224, 224, 3]}\n"
EVERYTHING = """\
spec: 1
name: fresh
base: {application: ResNet50, weights: null, include_top: false, input_shape: [97, 131, 3]}
head:
  - Conv2D: {filters: 17, kernel_size: 3, strides: 2, padding: same, use_bias: false, kernel_regularizer: {L2: 0.0003}}
  - BatchNormalization: {momentum: 0.8, scale: false}
  - Activation: swish
  - GlobalAveragePooling2D
  - Dropout: 0.35
  - Dense: {units: 11, activation: softmax, name: out}
insert:
  - {after: {each: "conv2_block[12]_out"}, with: [{SpatialDropout2D: 0.1}]}
freeze: {layers: base, except: /^conv5_/}
"""


def encoded(text: str) -> str:
    packer = zlib.compressobj(9, wbits=-15)
    data = packer.compress(text.encode()) + packer.flush()
    return "#spec=" + base64.urlsafe_b64encode(data).decode().rstrip("=")


def plan_of_the_command(text: str) -> str:
    """What `plan` writes to a file."""
    return click.unstyle(plan_as(plan_spec(text), "text"))


@pytest.mark.parametrize("name", ["vgg16_unet", "resnet50_two_classes", "gallery/squeeze_and_excitation"])
def test_a_plan_is_the_commands(name: str, page: Page) -> None:
    text = (ROOT / "specs" / f"{name}.yaml").read_text(encoding="utf-8")
    page.open(encoded(text))
    assert page.problems() == []
    assert page.text("#plan") == plan_of_the_command(text)


def test_a_plan_that_nobody_has_asked_for_is_the_commands(page: Page) -> None:
    page.open(encoded(EVERYTHING))
    assert page.text("#plan") == plan_of_the_command(EVERYTHING)


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_the_commands(name: str, page: Page) -> None:
    text = (INVALID / f"{name}.yaml").read_text(encoding="utf-8")
    if not page.run("document.documentElement.dataset.ready"):
        page.open()
    page.write(text)
    found = check_spec(text if text.endswith("\n") else text + "\n", static=True, restrict_paths=True)
    assert page.problems() == [(each.code, each.line) for each in found]
    assert found
    assert [each.message.replace("`", "") for each in found] == page.run(
        "[...document.querySelectorAll('#problems .message')].map((each) => each.textContent)"
    )


def test_a_code_leads_to_its_rule(page: Page) -> None:
    page.open(encoded("spec: 1\nbase: {application: VGG16}\nfreez: all\n"))
    link = page.run("document.querySelector('#problems .code').getAttribute('href')")
    file, _, anchor = link.removeprefix("../").partition("#")
    assert f'<a id="{anchor}"></a>' in (ROOT / "docs" / file.replace(".html", ".md")).read_text(encoding="utf-8")


def shapes(svg: str) -> list[tuple[str, str, list[str]]]:
    """What a picture holds: its nodes, arrows and frames, each with its title and texts."""
    root = ElementTree.fromstring(svg)
    name = "{http://www.w3.org/2000/svg}"
    return sorted(
        (
            str(each.get("class")),
            str(each.findtext(f"{name}title")),
            ["".join(text.itertext()) for text in each.iter(f"{name}text")],
        )
        for each in root.iter(f"{name}g")
        if each.get("class") in ("node", "edge", "cluster")
    )


def svg_of(page: Page) -> str:
    page.tab("picture")
    page.until("document.querySelector('#canvas img')?.complete && !document.querySelector('#canvas.old')", "a picture")
    return str(page.driver.execute_async_script("pictures.at(-1).text().then(arguments[0])"))


def test_the_picture_is_graphvizs(page: Page) -> None:
    text = (ROOT / "specs" / "vgg16_unet.yaml").read_text(encoding="utf-8")
    page.open(encoded(text))
    plan = plan_spec(text)
    assert shapes(svg_of(page)) == shapes(render(to_dot(plan, "diff"), "svg").decode())


HOSTILE = [
    "<script>parent.stolen=1</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "]]></svg><svg onload=alert(1)>",
    "&lt;b&gt; \\N \\l ${x}",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_a_text(name: str, page: Page) -> None:
    text = (
        f"spec: 1\nname: {json.dumps(name)}\nbase: {{application: VGG16, weights: null, include_top: false}}\n"
        f"rename: {{block1_conv1: {json.dumps(re.sub('[/]', '', name))}}}\nhead: [Flatten]\n"
    )
    page.open(encoded(text))
    page.tab("plan")
    if page.problems() == []:
        svg = svg_of(page)
        for each in ElementTree.fromstring(svg).iter():
            assert each.tag.rpartition("}")[2] in {
                "svg",
                "g",
                "title",
                "polygon",
                "path",
                "text",
                "a",
                "ellipse",
                "polyline",
            }
            assert not [key for key in each.attrib if key.startswith("on") or key.endswith("href")]
    assert page.run("window.stolen") is None
    assert page.run("document.querySelectorAll('main script, main img[src=x]').length") == 0
    assert page.errors() == []


def test_nothing_is_asked_of_anybody_else(page: Page) -> None:
    page.open()
    svg_of(page)
    origin = page.address.rpartition("/")[0]
    sent = [json.loads(each["message"])["message"] for each in page.driver.get_log("performance")]
    urls = {each["params"]["request"]["url"] for each in sent if each["method"] == "Network.requestWillBeSent"}
    urls = {each for each in urls if each.startswith(("http", "ws"))}
    assert any(each.startswith(origin) for each in urls)
    assert {each for each in urls if not each.startswith(origin)} == set()
    assert any(each.endswith("pyodide.asm.wasm") for each in page.asked)
    # the policy holds in the worker too, whatever runs there
    blocked = page.driver.execute_async_script(
        """const done = arguments[0];
        const code = "fetch('http://127.0.0.1:9/').then(() => postMessage('sent'), () => {});"
          + "self.addEventListener('securitypolicyviolation', (each) => postMessage(each.violatedDirective));";
        const worker = new Worker(URL.createObjectURL(new Blob([code], {type: "text/javascript"})));
        worker.onmessage = (event) => done(event.data);"""
    )
    assert blocked == "connect-src"


def test_a_spec_cannot_run_code_or_read_files(page: Page) -> None:
    page.open(encoded("spec: 1\nbase: {python: 'os:getcwd'}\n"))
    assert [code for code, _ in page.problems()] == ["SC112"]
    page.write("spec: 1\nbase: {file: /home/pyodide/memory/a.keras}\n")
    assert [code for code, _ in page.problems()] == ["SC510"]
    page.write("spec: 1\nimports: [../../etc/passwd.yaml]\nbase: {application: VGG16}\n")
    assert [code for code, _ in page.problems()] == ["SC510"]
    assert page.run("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("spec: 1\nbase: {application: VGG16, weights: null}\nprune: {layers: block1_conv1, keep: 0.5}\n", "NumPy"),
        ("spec: 1\nbase: {application: MobileNet, weights: null, alpha: 0.5}\n", "default arguments"),
        (f"{SIZED}head: [{{Reshape: {{target_shape: [49, 512]}}}}, {{LSTM: {{units: 3, name: mine}}}}]\n", "mine"),
        ("spec: 1\nbase: {spec: other.yaml}\n", "no folder"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_said(text: str, says: str, page: Page) -> None:
    if not page.run("document.documentElement.dataset.ready"):
        page.open()
    page.write(text)
    assert says in page.text("#problems .quiet:last-child")
    assert says in page.text("#plan")


def test_a_check_that_does_not_end_is_ended(page: Page) -> None:
    page.open()
    Handler.held.set()
    page.write("spec: 1\nbase: {application: ResNet152, weights: null}\n")
    Handler.held.clear()
    assert "took longer than 20 seconds and was ended" in page.text("#problems")
    page.write("spec: 1\nbase: {application: VGG16, weights: null}\ncut_at: block2_pool\n")
    assert "block2_pool" in page.text("#plan")


def test_a_huge_spec_leaves_the_page_alive(page: Page) -> None:
    page.open()
    page.write("spec: 1\nbase: {application: VGG16}\n" + "# much\n" * 20_000)
    assert "up to 60,000 characters" in page.text("#problems")
    rows = "".join(f"  - Dense: {{units: {count}, name: d{count}}}\n" for count in range(1, 900))
    begun = time.monotonic()
    page.write(f"spec: 1\nbase: {{application: VGG16, weights: null}}\nhead:\n{rows}")
    assert page.run("1 + 1") == 2
    assert time.monotonic() - begun < 60


@pytest.mark.parametrize(
    ("fragment", "says"),
    [
        ("#spec=%%%", "cannot be read"),
        ("#spec=AAAA", "cannot be read"),
        ("#spec=" + "A" * 50_000, "too long"),
        (encoded("# " + "a" * 50_000_000), "too long"),
        (encoded("a\ud800".encode("utf-8", "surrogatepass").decode("latin-1")), ""),
    ],
)
def test_a_fragment_of_anybodys(fragment: str, says: str, page: Page) -> None:
    page.open(fragment)
    assert says in page.text("#problems") or says in page.text("#status")
    assert len(page.run("document.querySelector('.cm-content').textContent")) < 100_000


def test_a_link_brings_the_spec_back(page: Page) -> None:
    page.open()
    text = "spec: 1\nname: été_😀\nbase: {application: VGG16, weights: null}\nfreez: all\n"
    page.write(text)
    assert page.problems() == [("SC101", 4)]
    page.until("location.hash.startsWith('#spec=')", "an address")
    address = page.run("location.hash")
    page.open(address)
    assert page.run("[...document.querySelectorAll('.cm-line')].map((each) => each.textContent).join('\\n')") == text
    assert page.problems() == [("SC101", 4)]


def test_the_keyboard_reaches_everything(page: Page) -> None:
    page.open()
    from selenium.webdriver.common.keys import Keys

    seen = []
    for _ in range(14):
        page.driver.switch_to.active_element.send_keys(Keys.TAB)
        seen.append(page.run("document.activeElement.id || document.activeElement.className"))
    assert {"example", "share", "scheme", "tab-problems", "about"} <= set(seen)
    assert any("cm-content" in each for each in seen)
    page.driver.find_element("css selector", "#tab-problems").send_keys(Keys.ARROW_RIGHT)
    assert page.run("document.activeElement.id") == "tab-plan"
    assert page.run("document.querySelector('#plan').hidden") is False


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_is_wider_than_the_window(width: int, dark: bool, page: Page) -> None:
    page.open(
        encoded("spec: 1\nbase: {application: VGG16, weights: null}\nhead:\n  - Dense: {unit: 3}\n"), width, dark=dark
    )
    assert page.run("document.documentElement.scrollWidth <= innerWidth")
    page.tab("picture")
    assert page.run("document.documentElement.scrollWidth <= innerWidth")
    assert page.errors() == []
