// What the compiler says, as elements. Every text of it is put in as text, never as markup.

function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** Text with what stands in backticks as code. */
function withCode(text) {
  return text.split(/(`[^`\n]+`)/).map((part) => (/^`.+`$/.test(part) ? element("code", "", part.slice(1, -1)) : part));
}

/** The list of diagnostics, or a word that there are none. */
export function problems(diagnostics, said, words, goTo) {
  const all = document.createDocumentFragment();
  const [note, unknown] = words;
  if (note) all.append(element("p", "quiet", note));
  if (diagnostics.length) {
    all.append(element("ol", "", ...diagnostics.map((each) => problem(each, goTo))));
  } else if (said) {
    all.append(element("p", "well", "No problems found."));
    all.append(element("p", "quiet", `Checked: ${said.checked}.`));
  }
  if (unknown) all.append(element("p", "quiet", ...withCode(unknown)));
  return all;
}

function problem(each, goTo) {
  const code = element("a", "code", each.code);
  code.href = `../${each.page}`; // the site has this page one folder below
  code.title = "What this rule means";
  const head = element("div", "head", element("span", "severity", each.severity), code);
  if (each.line !== null) {
    const place = element("button", "place", `line ${each.line}, column ${each.column}`);
    place.type = "button";
    place.addEventListener("click", () => goTo(each.line, each.column));
    head.append(place);
  }
  const item = element("li", "", head, element("p", "message", ...withCode(each.message)));
  item.dataset.severity = each.severity;
  for (const note of each.notes) item.append(element("p", "note", element("b", "", "note: "), ...withCode(note)));
  if (each.help) item.append(element("p", "help", element("b", "", "help: "), ...withCode(each.help)));
  return item;
}

const STYLES = { 1: "bold", 2: "dim", 31: "red", 32: "green", 33: "yellow" };

/** A text in a terminal's colours. */
export function coloured(text) {
  const pre = document.createElement("pre");
  let styles = [];
  for (const part of text.split(/(\x1b\[[\d;]*m)/)) {
    const code = /^\x1b\[([\d;]*)m$/.exec(part);
    if (code) {
      for (const each of code[1].split(";")) {
        if (each === "" || each === "0") styles = [];
        else if (STYLES[each]) styles.push(STYLES[each]);
      }
    } else if (part) {
      pre.append(styles.length ? element("span", styles.join(" "), part) : part);
    }
  }
  return pre;
}
