// The workers of a page: begun, asked, ended. If one fails, all end, and every promise that waits is rejected.

import { received } from "./errors.js";

/** So many workers of one script. The page makes the first, which makes the others (tree.js). */
export class Crew {
  /** begin: what each worker gets first. onReport: gets the reports of trainings. */
  constructor(script, workers, begin, onReport) {
    Object.assign(this, { workers, onReport });
    this.waiting = new Map(); // for each question: {answers by rank, missing, resolve, reject}
    this.questions = 0;
    this.ended = null; // why, as an Error
    this.url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    this.first = new Worker(this.url);
    this.first.onmessage = ({ data }) => this.ended || this.take(data);
    this.first.onerror = (event) => {
      event.preventDefault();
      this.take({ failed: event.message });
    };
    this.first.onmessageerror = () => this.take({ failed: "a message between this page and its worker was lost" });
    this.askAll("begin", { ...begin, rank: 0, workers, script }).catch((error) => this.end(error));
  }

  /** Ask one worker; the promise of its answer. */
  async ask(rank, what, content = {}) {
    const [answer] = await this.question(rank, what, content);
    return answer;
  }

  /** Ask all workers; the promise of their answers, in their order. */
  askAll(what, content = {}) {
    return this.question(null, what, content);
  }

  question(to, what, content) {
    if (this.ended) return Promise.reject(this.ended);
    const id = this.questions++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { answers: {}, missing: to === null ? this.workers : 1, resolve, reject });
      this.first.postMessage({ ...content, id, what, to });
    });
  }

  /** Take what a worker says. */
  take({ report, failed, id, rank, value, error }) {
    if (report) return this.onReport(report);
    if (failed !== undefined) return this.end(new Error(failed || "a worker failed; it may have been out of memory"));
    const question = this.waiting.get(id);
    if (!question) return undefined; // another worker has failed at it before
    if (error) {
      this.waiting.delete(id);
      return question.reject(received(error));
    }
    question.answers[rank] = value;
    question.missing -= 1;
    if (question.missing > 0) return undefined;
    this.waiting.delete(id);
    return question.resolve(Object.values(question.answers)); // whole numbers as keys: in their order
  }

  /** End all workers at once: those that a worker has made end with it. why: the Error that all questions meet. */
  end(why) {
    if (this.ended) return;
    this.ended = why;
    this.first.terminate();
    URL.revokeObjectURL(this.url);
    this.waiting.forEach(({ reject }) => reject(why));
    this.waiting.clear();
  }
}
