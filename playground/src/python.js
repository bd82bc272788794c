// Python in a worker: the package, what it stands on, and what Keras said of the applications.
import { RE2JS } from "re2js";

let base, python, answered, manifest;
const known = new Set(); // the applications whose entries are in the memory

self.onmessage = async ({ data }) => {
  try {
    if (data.question === undefined) {
      base = data.base;
      await start();
      self.postMessage({ ready: true });
      return;
    }
    await remember(data.question.text ?? "");
    self.postMessage({ answer: JSON.parse(answered(JSON.stringify(data.question))) });
  } catch (error) {
    self.postMessage({ error: String(error) });
  }
};

async function start() {
  const { loadPyodide } = await import(/* the file itself, not a copy in this one */ `${base}pyodide/pyodide.mjs`);
  const [loaded, archive, listed] = await Promise.all([
    loadPyodide({ indexURL: `${base}pyodide/`, stdout: () => {}, stderr: () => {} }),
    fetched("python.zip").then((response) => response.arrayBuffer()),
    fetched("manifest.json").then((response) => response.json()),
  ]);
  python = loaded;
  manifest = listed;
  python.registerJsModule("_re2js", { RE2JS });
  python.unpackArchive(archive, "zip", { extractDir: "/home/pyodide/package" });
  python.runPython("import sys; sys.path.insert(0, '/home/pyodide/package')");
  answered = python.pyimport("page").answered;
}

/** Puts what is known of the applications that a text names where the package's memory reads it. */
async function remember(text) {
  const wanted = manifest.known.filter((name) => !known.has(name) && (name === "common" || text.includes(name)));
  await Promise.all(
    wanted.map(async (name) => {
      const packed = (await fetched(`known/${name}.json.gz`)).body.pipeThrough(new DecompressionStream("gzip"));
      const entries = await new Response(packed).json();
      for (const [file, entry] of Object.entries(entries)) {
        python.FS.writeFile(`/home/pyodide/memory/${file}`, JSON.stringify(entry));
      }
      known.add(name);
    }),
  );
}

async function fetched(name) {
  const response = await fetch(base + name);
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return response;
}
