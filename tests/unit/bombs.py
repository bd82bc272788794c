"""Specs that are small and ask for much: each by its name, with the code that tells it; some are only long."""

from __future__ import annotations

BASE = "spec: 1\nbase: {application: VGG16, weights: null}\n"
HEAD = BASE + "head:\n"
EACH = BASE + "insert:\n"
# finding_S10, finding_S11 and others of their kind; VGG16's names are known, so graphs are made.
BOMBS: dict[str, tuple[bytes, str]] = {
    "optional-letters": (
        (HEAD + f"  - {{Dense: {{units: 2, name: {'a' * 60}}}}}\nfreeze: /{'a?' * 60}{'a' * 60}b/\n").encode(),
        "SC201",
    ),
    "a-pattern-for-each-value": (
        (BASE + "freeze: [" + ", ".join(f"/a{n}.*b/" for n in range(4000)) + "]\n").encode(),
        "SC201",
    ),
    "a-glob-for-each-value": (
        (BASE + "freeze: [" + ", ".join(f"'*{n}*b*'" for n in range(4000)) + "]\n").encode(),
        "SC201",
    ),
    "a-range-for-each-value": (
        (BASE + "freeze: [" + ", ".join(["block1_conv1..fc2"] * 4000) + "]\ncut_at: x\n").encode(),
        "SC201",
    ),
    "a-name-for-each-value": (
        (BASE + "freeze: [" + ", ".join(f"blok{n}_conv" for n in range(4000)) + "]\n").encode(),
        "SC201",
    ),
    "stars": ((BASE + f"freeze: '{'*a' * 90}'\n").encode(), "SC201"),
    "a-very-long-glob": ((BASE + f"freeze: '{'*a' * 90_000}'\n").encode(), "SC104"),
    "a-pattern-of-counts": ((BASE + "freeze: /(a{1,30}){1,30}(b{1,30}){1,30}/\n").encode(), "SC104"),
    "positions-of-many-digits": ((BASE + f"freeze: '[{'9' * 5000}:]'\n").encode(), "SC201"),
    "a-position-of-many-digits": ((BASE + f"freeze: '[{'9' * 5000}]'\n").encode(), "SC104"),
    "spaces-in-positions": ((BASE + f"freeze: '[{' ' * 200_000}x'\n").encode(), "SC104"),
    "each-of-each": ((EACH + "  - {after: {each: all}, with: [Identity]}\n" * 60).encode(), "SC113"),
    "each-of-each-with-names": (
        (EACH + "  - {after: {each: all}, with: [{Identity: {name: '{name}{name}'}}]}\n" * 60).encode(),
        "SC204",
    ),
    "each-with-many-layers": (
        (EACH + "  - {after: {each: all}, with: [" + ", ".join(["Identity"] * 1000) + "]}\n").encode(),
        "SC113",
    ),
    "many-each": ((EACH + "  - {after: {each: type:Conv2D}, with: [Identity]}\n" * 600).encode(), "SC113"),
    "many-inserts": ((EACH + "  - {after: fc1, with: [Identity]}\n" * 800).encode(), "SC113"),
    "a-head-of-thousands": ((HEAD + "  - Identity\n" * 4_500).encode(), ""),
    "a-head-that-joins-all": (
        (
            HEAD
            + "".join(f"  - {{Add: {{name: a{n}}}, from: [fc1, {f'a{n - 1}' if n else 'fc2'}]}}\n" for n in range(700))
        ).encode(),
        "",
    ),
    "a-list-of-what-is-joined": ((HEAD + "  - {Add: {}, from: [" + ", ".join(["fc1"] * 4_000) + "]}\n").encode(), ""),
    "many-outputs": ((BASE + "outputs: [" + ", ".join(["fc1"] * 4_900) + "]\n").encode(), ""),
    "many-wrong-outputs": (
        (BASE + "outputs: [" + ", ".join(f"fc{n}x" for n in range(4_900)) + "]\n").encode(),
        "SC201",
    ),
    "many-removals-of-one": ((BASE + "remove: [" + ", ".join(["fc1"] * 4_900) + "]\n").encode(), ""),
    "many-sets": ((BASE + "set:\n" + "  - {layers: all, to: {trainable: false}}\n" * 600).encode(), ""),
    "many-wrong-layers": ((HEAD + "".join(f"  - Densse{n}\n" for n in range(2_000))).encode(), "SC202"),
    "many-wrong-arguments": ((HEAD + "  - {Dense: {unts: 3, unist: 4}}\n" * 900).encode(), "SC106"),
    "many-wrong-sections": ((BASE + "".join(f"inserrt{n}: 1\n" for n in range(2_000))).encode(), "SC101"),
    "many-names-that-are-nearly-alike": (
        (
            HEAD
            + "".join(f"  - {{Identity: {{name: {'ab' * 50}{n}}}}}\n" for n in range(800))
            + f"outputs: [{', '.join('ba' * 50 + str(n) for n in range(100))}]\n"
        ).encode(),
        "SC201",
    ),
    "many-variables-that-are-not-there": (
        (
            "spec: 1\nvars:\n"
            + "".join(f"  {'ab' * 10}{n}: 1\n" for n in range(2_000))
            + "head: ["
            + ", ".join(f"'${{{'ba' * 10}{n}}}'" for n in range(900))
            + "]\n"
        ).encode(),
        "SC110",
    ),
    "long-names-of-variables": (
        f"spec: 1\nvars: {{{'ab' * 50_000}: 1}}\nname: ${{{'ba' * 50_000}}}\n".encode(),
        "SC001",
    ),
    "long-keys-that-are-nearly-alike": (
        "".join(f"{'ab' * 60}{n}: 1\n" for n in range(1_500)).encode(),
        "SC101",
    ),
    "a-chain-of-variables": (
        (
            "spec: 1\nvars:\n  v0: x\n"
            + "".join(f"  v{n}: '${{v{n - 1}}}'\n" for n in range(1, 2_400))
            + "name: ${v2399}/\n"
        ).encode(),
        "SC103",
    ),
    "dollars": (("spec: 1\nname: '" + "${" * 100_000 + "'\nbase: {x: 1}\n").encode(), "SC005"),
    "merge-keys": ((b"a: &a {x: 1}\n" + b"".join(b"b%d: {<<: *a}\n" % n for n in range(500))), "SC006"),
    "anchors": ("".join(f"k{n}: &a{n} x\n" for n in range(2_400)).encode(), "SC101"),
    "aliases-as-keys": (b"a: &a x\n" + b"*a : 1\n" * 1_000, "SC006"),
    "one-alias-many-times": (b"spec: 1\nb: &a x\nhead: [" + b"*a, " * 4_900 + b"*a]\n", "SC"),
    "an-alias-of-an-alias-deep": (
        ("a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 200))).encode(),
        "SC005",
    ),
    "a-tag-for-each-value": (b"spec: 1\nhead: [" + b"!!str x, " * 4_000 + b"x]\n", "SC202"),
    "many-documents": (b"spec: 1\n---\n" * 10_000, "SC006"),
    "directives": (b"%YAML 1.2\n" * 10_000 + b"---\nspec: 1\n", "SC001"),
    "question-marks": (b"? " * 100_000, "SC"),
    "dashes": (b"- " * 100_000, "SC005"),
    "colons": (b": " * 100_000, "SC"),
    "commas": (b"a: [" + b"," * 200_000, "SC001"),
    "quotes-that-never-close": (b"a: " + b"\"'" * 100_000, "SC001"),
    "a-block-text": (b"spec: 1\nname: |\n" + b"  x\n" * 60_000, ""),
    "a-folded-text": (b"spec: 1\ndescription: >\n" + b"  x\n\n" * 40_000, ""),
    "escapes": (b'spec: 1\nname: "' + b"\\u0041" * 40_000 + b'"\n', ""),
    "calls-of-python": (b"spec: 1\nhead: [" + b"Dense(1, " * 2_000 + b"x]\n", "SC"),
    "brackets-of-python": (
        ("spec: 1\nbase: {application: VGG16}\nhead: '" + "(" * 400 + ")" * 400 + "'\n").encode(),
        "SC202",
    ),
    "minus-signs-of-python": (("spec: 1\nhead: " + "-" * 400 + "1.(x\n").encode(), "SC202"),
    "only-line-breaks": (b"\r" * 240_000, "SC003"),
    "line-separators": ("spec: 1\nname: a # \u2028".encode() + b"base: {python: 'os:getcwd'}\n", "SC001"),
    "right-to-left": ("spec: 1\nbase: {application: '\u202e61GGV'}\n".encode(), "SC203"),
    "wide-letters": (("spec: 1\nname: '" + "\U0001f600" * 60_000 + "'\nbase: 1\n").encode(), "SC103"),
    "many-bases": (
        (
            "spec: 1\nbases:\n" + "".join(f"  b{n}: {{application: VGG16, weights: null}}\n" for n in range(700))
        ).encode(),
        "SC103",
    ),
    "a-spec-of-itself": (b"spec: 1\nbases: {a: {spec: spec.yaml}, b: {spec: spec.yaml}}\n", "SC304"),
    "a-deep-list-of-values": (
        ("spec: 1\nhead: [{Dense: {units: " + "[" * 50 + "1" + "]" * 50 + "}}]\n").encode(),
        "SC107",
    ),
    "deep-layers-in-layers": (
        ("spec: 1\nhead: [" + "{TimeDistributed: {layer: " * 24 + "Dense" + "}}" * 24 + "]\n").encode(),
        "SC102",
    ),
    "a-size-of-terabytes": ((BASE + "head: [{Dense: 2147483648}]\n").encode(), "SC107"),
}
