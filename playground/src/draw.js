// Graphviz in a worker of its own: DOT text in, SVG out.
import { instance } from "@viz-js/viz";

let viz;
self.onmessage = async ({ data }) => {
  try {
    if (data.question === undefined) {
      viz = await instance();
      self.postMessage({ ready: true });
      return;
    }
    self.postMessage({ answer: viz.renderString(data.question.dot, { format: "svg", engine: "dot" }) });
  } catch (error) {
    self.postMessage({ error: String(error) });
  }
};
