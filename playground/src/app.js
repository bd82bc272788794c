// The page: what the user writes goes to Python in a worker, what Python says comes back as marks, a plan, a picture.
import { makeEditor } from "./editor.js";
import { MOST_CHARACTERS, read, written } from "./fragment.js";
import { coloured, problems } from "./shown.js";
import { Runner, TookTooLong } from "./runner.js";

const CHECK_SECONDS = 20;
const DRAW_SECONDS = 30;
const PAUSE = 250; // milliseconds after the last key

const at = (id) => document.getElementById(id);
const nonce = document.querySelector("meta[name=nonce]").content;
const loaded = performance.now();

const editor = makeEditor(at("editor"), nonce, changed);
let python = null; // begun when the first text is there
let draw = null;
let manifest = { examples: [], bytes: 0 };
let answer = null; // what was last said, and of which text
let drawn = null; // which picture is shown
let timer = 0;
let note = null; // what is to be said of the address, until the text changes
let asked = 0; // how many checks were begun; only the last one's answer is shown

function status(text) {
  at("status").textContent = text;
}

function changed() {
  clearTimeout(timer);
  note = null;
  at("plan").classList.add("old");
  at("canvas").classList.add("old");
  timer = setTimeout(check, PAUSE);
}

async function check() {
  clearTimeout(timer);
  const text = editor.text;
  const number = ++asked;
  keepInAddress(text);
  if (text.length > MOST_CHARACTERS) {
    shown(text, null, `This page takes specs of up to ${MOST_CHARACTERS.toLocaleString("en")} characters; the command takes longer ones.`);
    status("too long");
    return;
  }
  if (python === null) {
    status(`Loading Python and the compiler, ${(manifest.bytes / 1e6).toFixed(0)} MB …`);
    python = new Runner("python.js", CHECK_SECONDS * 1000, () => status("checking …"));
  }
  const begun = performance.now();
  const waiting = setTimeout(() => number === asked && answer && status("checking …"), 400);
  try {
    const said = await python.ask({ what: "check", text }, () => number === asked);
    if (said === undefined) return; // a later one is waiting
    if (number !== asked) return;
    shown(text, said, said.unknown);
    const errors = said.diagnostics.filter((each) => each.severity === "error").length;
    const first = document.documentElement.dataset.ready === undefined;
    document.documentElement.dataset.ready = "true";
    const took = Math.round(performance.now() - (first ? loaded : begun));
    const found = errors ? `${errors} ${errors === 1 ? "error" : "errors"}` : "no errors";
    status(`Checked ${said.checked}: ${found}; ${first ? "loaded and checked in" : ""} ${(took / 1000).toFixed(2)} s`);
  } catch (error) {
    if (number !== asked) return;
    const words =
      error instanceof TookTooLong
        ? `The check took longer than ${CHECK_SECONDS} seconds and was ended; Python begins anew with your next change.`
        : `Python in this page has failed, and begins anew with your next change: ${error.message}`;
    shown(text, null, words);
    status("ended");
  } finally {
    clearTimeout(waiting);
  }
}

/** Shows what was said of a text: problems, plan, picture. */
function shown(text, said, words) {
  answer = said && { ...said, text };
  document.documentElement.dataset.checks = String(Number(document.documentElement.dataset.checks ?? 0) + 1);
  const diagnostics = said ? said.diagnostics : [];
  editor.mark(diagnostics);
  at("problems").replaceChildren(problems(diagnostics, said, [note, words], (line, column) => editor.goTo(line, column)));
  const errors = diagnostics.filter((each) => each.severity === "error").length;
  at("count").textContent = diagnostics.length || "";
  at("count").dataset.only = errors ? "error" : "warning";
  at("plan").classList.remove("old");
  if (said && said.plan !== null) at("plan").replaceChildren(coloured(said.plan));
  else at("plan").replaceChildren(quiet(words ?? "There is no plan while the spec has errors."));
  picture();
}

function quiet(text) {
  const element = document.createElement("p");
  element.className = "quiet";
  element.textContent = text;
  return element;
}

/** Draws the picture, where it is looked at. */
async function picture() {
  if (at("picture").hidden) return;
  const canvas = at("canvas");
  if (!answer || answer.plan === null) {
    drawn = null;
    at("save").hidden = true;
    canvas.classList.remove("old");
    const why = answer && answer.unknown ? answer.unknown : "There is no picture while the spec has errors.";
    return canvas.replaceChildren(quiet(answer ? why : "There is no picture yet."));
  }
  const wanted = JSON.stringify([answer.text, at("view").value, at("unfold").checked]);
  if (drawn === wanted) return canvas.classList.remove("old");
  canvas.classList.add("old");
  if (drawn === null) canvas.replaceChildren(quiet("Drawing …"));
  drawn = wanted;
  draw ??= new Runner("draw.js", DRAW_SECONDS * 1000);
  try {
    const { dot } = await python.ask({ what: "dot", view: at("view").value, unfold: at("unfold").checked });
    if (dot === null || drawn !== wanted) return;
    const raw = await draw.ask({ dot });
    const { svg } = await python.ask({ what: "fit", svg: raw });
    if (drawn !== wanted) return;
    // As the source of an image no script in it runs, whatever the names in a spec are.
    const address = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
    const image = new Image();
    image.alt = `${at("view").selectedOptions[0].text}: ${answer.text.split("\n").length} lines of spec, as a graph of layers`;
    image.src = address;
    await image.decode();
    if (at("save").href) URL.revokeObjectURL(at("save").href);
    at("save").href = address;
    at("save").hidden = false;
    canvas.replaceChildren(image);
    canvas.classList.remove("old");
  } catch (error) {
    if (drawn !== wanted) return;
    drawn = null;
    const late = error instanceof TookTooLong;
    const words = late ? `The picture took longer than ${DRAW_SECONDS} seconds.` : `The picture could not be drawn: ${error.message}`;
    canvas.replaceChildren(quiet(words));
    canvas.classList.remove("old");
  }
}

// The address holds the spec, so that it comes back with the page; nothing is stored anywhere else.
async function keepInAddress(text) {
  const example = manifest.examples.find((each) => each.text === text);
  const fragment = example ? `#example=${example.name}` : await written(text);
  if (text !== editor.text) return;
  history.replaceState(null, "", fragment ?? location.pathname);
  at("share").disabled = fragment === null;
  at("share").title = fragment === null ? "The spec is too long for an address" : "";
  at("example").value = example ? example.name : "";
}

async function opened() {
  const named = /^#example=([\w-]+)$/.exec(location.hash);
  const example = manifest.examples.find((each) => each.name === named?.[1]) ?? manifest.examples[0];
  let text = null;
  let said = null;
  try {
    text = await read(location.hash);
  } catch (error) {
    said = `In this place is an example, as ${error.message}.`;
  }
  editor.text = text ?? example.text;
  note = said;
  await check();
}

function tabs() {
  const all = [...document.querySelectorAll("[role=tab]")];
  const choose = (tab, focus) => {
    for (const each of all) {
      const chosen = each === tab;
      each.setAttribute("aria-selected", String(chosen));
      each.tabIndex = chosen ? 0 : -1;
      at(each.getAttribute("aria-controls")).hidden = !chosen;
    }
    if (focus) tab.focus();
    picture();
  };
  all.forEach((tab, index) => {
    tab.addEventListener("click", () => choose(tab, false));
    tab.addEventListener("keydown", ({ key }) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (step) choose(all[(index + step + all.length) % all.length], true);
      else if (key === "Home") choose(all[0], true);
      else if (key === "End") choose(all[all.length - 1], true);
    });
  });
}

async function begin() {
  tabs();
  at("view").addEventListener("change", picture);
  at("unfold").addEventListener("change", picture);
  at("fit").addEventListener("click", () => {
    const fits = at("canvas").classList.toggle("fit");
    at("fit").setAttribute("aria-pressed", String(fits));
  });
  at("canvas").classList.add("fit");
  at("scheme").addEventListener("click", () => {
    const root = document.documentElement;
    const isDark = root.dataset.scheme ? root.dataset.scheme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.scheme = isDark ? "light" : "dark";
  });
  at("share").addEventListener("click", async () => {
    await keepInAddress(editor.text);
    try {
      await navigator.clipboard.writeText(location.href);
      status("The link is copied: whoever opens it sees this spec.");
    } catch {
      status("The address of this page is the link: whoever opens it sees this spec.");
    }
  });
  manifest = await (await fetch("manifest.json")).json();
  at("example").replaceChildren(
    new Option("your own", ""),
    ...manifest.examples.map((each) => new Option(each.title, each.name)),
  );
  at("example").addEventListener("change", () => {
    const example = manifest.examples.find((each) => each.name === at("example").value);
    if (!example) return;
    editor.text = example.text;
    check();
  });
  addEventListener("hashchange", opened);
  await opened();
}

begin().catch((error) => status(`This page could not be started: ${error.message}`));
