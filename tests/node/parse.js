// Reads {name: flowchart} and writes {name: what mermaid says of it}.
import { JSDOM } from "jsdom";

const { window } = new JSDOM("");
globalThis.window = window;
globalThis.document = window.document;
const { default: mermaid } = await import("mermaid");

let text = "";
for await (const chunk of process.stdin) text += chunk;
const found = {};
for (const [name, chart] of Object.entries(JSON.parse(text))) {
  try { found[name] = (await mermaid.parse(chart)).diagramType; } catch (error) { found[name] = String(error.message); }
}
process.stdout.write(JSON.stringify(found));
