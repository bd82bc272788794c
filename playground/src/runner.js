// A worker that is asked one thing at a time, and is ended and begun anew when an answer takes too long.

export class TookTooLong extends Error {}

export class Runner {
  /** `file` is the worker's own, `files` those that it is told of at its start; `ready` is called after each start. */
  constructor(file, limit, ready = () => {}) {
    this.file = new URL(file, document.baseURI).href;
    this.limit = limit; // milliseconds
    this.ready = ready;
    this.last = Promise.resolve();
    this.start();
  }

  start() {
    // A worker takes over this page's policy, which lets it reach nothing but the page's own folder, only if it is
    // begun from a text of the page. See https://html.spec.whatwg.org/multipage/workers.html, "inherit".
    const code = new Blob([`import ${JSON.stringify(this.file)};`], { type: "text/javascript" });
    const address = URL.createObjectURL(code);
    this.worker = new Worker(address, { type: "module" });
    this.started = new Promise((resolve, reject) => {
      this.worker.onerror = (event) => reject(new Error(event.message || "the worker could not be started"));
      this.worker.onmessage = ({ data }) => {
        URL.revokeObjectURL(address);
        if (data.error !== undefined) reject(new Error(data.error));
        else resolve(data);
      };
      this.worker.postMessage({ base: new URL(".", this.file).href });
    });
    this.started.then(this.ready, () => {});
  }

  /** The answer to a question, after those that were asked before it; none where it `stands` no longer by then. */
  ask(question, stands = () => true) {
    const asked = this.last.then(() => (stands() ? this.#asked(question) : undefined));
    this.last = asked.catch(() => {});
    return asked;
  }

  async #asked(question) {
    await this.started;
    return new Promise((resolve, reject) => {
      const worker = this.worker;
      const restart = (error) => {
        clearTimeout(timer);
        worker.terminate();
        this.start();
        reject(error);
      };
      const timer = setTimeout(() => restart(new TookTooLong()), this.limit);
      worker.onerror = (event) => restart(new Error(event.message));
      worker.onmessage = ({ data }) => {
        if (data.error !== undefined) return restart(new Error(data.error));
        clearTimeout(timer);
        resolve(data.answer);
      };
      worker.postMessage({ question });
    });
  }
}
