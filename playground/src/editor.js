// The editor: line numbers, YAML in colours, a mark at each diagnostic. Looks come from style.css, by class.
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { syntaxHighlighting } from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { EditorView, drawSelection, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";

/** An editor in `parent`; `changed` is called with the text whenever the user has changed it. */
export function makeEditor(parent, nonce, changed) {
  const view = new EditorView({
    parent,
    state: EditorState.create({
      extensions: [
        EditorView.cspNonce.of(nonce),
        lineNumbers(),
        lintGutter(),
        history(),
        drawSelection(),
        highlightActiveLine(),
        yaml(),
        syntaxHighlighting(classHighlighter),
        EditorState.tabSize.of(2),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ "aria-label": "The spec, as YAML", spellcheck: "false" }),
        // The tab key stays the page's own: who works without a mouse leaves the editor by it.
        keymap.of([...defaultKeymap, ...historyKeymap, ...lintKeymap]),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) changed(update.state.doc.toString());
        }),
      ],
    }),
  });

  return {
    get text() {
      return view.state.doc.toString();
    },

    set text(text) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text }, selection: { anchor: 0 } });
    },

    /** Marks diagnostics, whose lines and columns count from 1 and whose columns count characters. */
    mark(diagnostics) {
      const marks = diagnostics.filter((each) => each.line !== null).map((each) => markOf(view.state.doc, each));
      view.dispatch(setDiagnostics(view.state, marks));
    },

    /** Puts the cursor at a place and shows it. */
    goTo(line, column) {
      const { from } = span(view.state.doc, { line, column, end_column: null });
      view.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
      view.focus();
    },
  };
}

function markOf(doc, diagnostic) {
  const help = diagnostic.help ? `\n${diagnostic.help}` : "";
  return {
    ...span(doc, diagnostic),
    severity: diagnostic.severity,
    message: `${diagnostic.code}: ${diagnostic.message}${help}`,
  };
}

/** Offsets into the text: Python counts characters, JavaScript counts a character beyond U+FFFF as two. */
function span(doc, { line, column, end_column }) {
  const at = doc.line(Math.min(Math.max(line, 1), doc.lines));
  const characters = [...at.text];
  const offset = (count) => characters.slice(0, Math.max(count - 1, 0)).join("").length;
  const from = at.from + offset(column ?? 1);
  const to = at.from + offset(end_column ?? characters.length + 1);
  return { from, to: Math.max(from, to) };
}
