// The workers of a page: begun, asked, ended. If one fails, all end, and every promise that waits is rejected.

import { received } from "./errors.js";

/** So many workers of one script, each linked to log₂ of their number of others. */
export class Crew {
  /** begin: what each worker gets first, by its rank, beside {rank, ports}. onReport: gets the reports of trainings. */
  constructor(script, count, begin, onReport) {
    this.url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    this.waiting = new Map(); // for each question: {resolve, reject}
    this.questions = 0;
    this.ended = null; // why, as an Error
    this.onReport = onReport;
    this.workers = Array.from({ length: count }, () => this.worker());
    const ports = links(count);
    this.begun = Promise.all(
      this.workers.map((_, rank) => {
        const message = { ...begin(rank), rank, ports: ports[rank] };
        return this.ask(rank, "begin", message, ports[rank]);
      }),
    );
    this.begun.catch((error) => this.end(error));
  }

  worker() {
    const worker = new Worker(this.url);
    worker.onmessage = ({ data: { report, id, value, error } }) => {
      if (this.ended) return;
      if (report) {
        this.onReport(report);
        return;
      }
      const { resolve, reject } = this.waiting.get(id);
      this.waiting.delete(id);
      if (error) reject(received(error));
      else resolve(value);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      this.end(new Error(event.message || "a worker of this page failed; it may have been out of memory"));
    };
    worker.onmessageerror = () => this.end(new Error("a message between this page and its worker was lost"));
    return worker;
  }

  /** Ask one worker; the promise of its answer. */
  ask(rank, what, content = {}, transfer = []) {
    if (this.ended) return Promise.reject(this.ended);
    const id = this.questions++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.workers[rank].postMessage({ ...content, id, what }, transfer);
    });
  }

  /** Ask all workers; the promise of their answers. */
  askAll(what, content = {}) {
    return Promise.all(this.workers.map((_, rank) => this.ask(rank, what, content)));
  }

  /** End all workers at once. why: the Error with which all questions are rejected. */
  end(why) {
    if (this.ended) return;
    this.ended = why;
    this.workers.forEach((worker) => worker.terminate());
    URL.revokeObjectURL(this.url);
    this.waiting.forEach(({ reject }) => reject(why));
    this.waiting.clear();
  }
}

/** For each worker its ports: for each bit of its number, one to the worker whose number differs in that bit. */
export function links(count) {
  const ports = Array.from({ length: count }, () => []);
  for (let bit = 1; bit < count; bit *= 2) {
    for (let rank = 0; rank < count; rank++) {
      if (rank & bit) continue;
      const { port1, port2 } = new MessageChannel();
      ports[rank].push(port1);
      ports[rank | bit].push(port2);
    }
  }
  return ports;
}
