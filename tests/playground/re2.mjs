// Reads `[[pattern, names], …]` and says of each what `playground/python/re2.py` makes of it, in Python on RE2JS.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../playground/package.json", import.meta.url));
const { loadPyodide } = await import(require.resolve("pyodide").replace(/\.js$/, ".mjs"));
const { RE2JS } = require("re2js");

const python = await loadPyodide();
python.registerJsModule("_re2js", { RE2JS });
python.FS.writeFile("/re2.py", readFileSync(new URL("../../playground/python/re2.py", import.meta.url)));
python.globals.set("asked", readFileSync(0, "utf-8"));
console.log(
  python.runPython(`
import json, sys
sys.path.insert(0, "/")
import re2
def said(pattern, names):
    try:
        program = re2.compile(pattern.encode(), re2.Options())
    except re2.error as error:
        return error.args[0].decode()
    return [program.search(name.encode()) is not None for name in names]
json.dumps([said(*each) for each in json.loads(asked)])
`),
);
