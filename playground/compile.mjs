// A folder of Python -> one zip with bytecode beside the text: the page's own Python compiles it, here in Node.
// `node compile.mjs FOLDER.zip OUT.zip`; the first is what `scripts/playground.py` has put together.
import { readFile, writeFile } from "node:fs/promises";
import { loadPyodide } from "pyodide";

const [source, target] = process.argv.slice(2);
const python = await loadPyodide();
python.unpackArchive(new Uint8Array(await readFile(source)), "zip", { extractDir: "/package" });
// Bytecode takes the place of the text, but for what the checksum of the memory is of: `backend` is only read as text.
python.runPython(`
import compileall, os, py_compile, re, zipfile
unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
compileall.compile_dir("/package", quiet=1, rx=re.compile("/backend/"), invalidation_mode=unchecked, legacy=True)
for folder, folders, names in os.walk("/package"):
    for name in names:
        path = os.path.join(folder, name)
        if path.endswith(".pyc") and not re.search("/spec_compiler/(graph|memory)$", folder):
            os.remove(path[:-1])
        elif path.endswith(".pyc"):
            os.makedirs(f"{folder}/__pycache__", exist_ok=True)
            os.rename(path, f"{folder}/__pycache__/{name.removesuffix('.pyc')}.cpython-314.pyc")
with zipfile.ZipFile("/out.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
    for folder, folders, names in os.walk("/package"):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            entry = zipfile.ZipInfo(os.path.relpath(path, "/package"))  # the same bytes each time
            entry.compress_type = zipfile.ZIP_DEFLATED
            with open(path, "rb") as stream:
                archive.writestr(entry, stream.read())
`);
await writeFile(target, python.FS.readFile("/out.zip"));
