// Softmax and cross-entropy in one operation: together they are simpler and numerically safer.
//
// With p = softmax(z): the loss −Σ target · log p of each image, in nats, and its gradient p − target. The target
// is 1 at the label; the part `smoothing` of this 1 is spread evenly over all classes.
// Source: Goodfellow et al., Deep Learning (2016), 6.2.2.3; Szegedy et al. (2016), Rethinking the Inception
// architecture, arXiv:1512.00567, section 7.

export class CrossEntropy {
  constructor(build, logits) {
    Object.assign(this, { c: build.c, logits });
    this.labels = build.plan.take(2 * build.chunk); // uint16
    this.correct = build.plan.take(4);
  }

  /** The sum of a pass's losses, and how many answers are right; dz is that of the mean over `count` images. */
  differentiate(pass, heap, labels, { count, smoothing }) {
    const { c, logits } = this;
    heap.halves.set(labels, this.labels / 2);
    const [z, dz] = [logits.data.at(pass), logits.slope.at(pass)];
    const loss = c.cross_entropy(z, this.labels, pass.images, logits.size, smoothing, 1 / count, dz, this.correct);
    return { loss, correct: heap.ints[this.correct / 4] };
  }
}
