// Loss, accuracy and probabilities from logits, in float64, as in MNIST/engines/metrics.py.

/** The sum of the cross-entropies of some images in nats, and how many have the largest logit at their label. */
export function measure(logits, labels, classes) {
  let [loss, correct] = [0, 0];
  labels.forEach((label, image) => {
    const z = logits.subarray(image * classes, (image + 1) * classes);
    const largest = argmax(z);
    const total = z.reduce((sum, value) => sum + Math.exp(value - z[largest]), 0);
    loss += Math.log(total) - (z[label] - z[largest]);
    correct += largest === label;
  });
  return { loss, correct };
}

/** softmax(logits), image by image: Float32Array. */
export function probabilitiesOf(logits, classes) {
  const found = new Float32Array(logits.length);
  for (let begin = 0; begin < logits.length; begin += classes) {
    const z = logits.subarray(begin, begin + classes);
    const largest = z[argmax(z)];
    const total = z.reduce((sum, value) => sum + Math.exp(value - largest), 0);
    for (let place = 0; place < classes; place++) found[begin + place] = Math.exp(z[place] - largest) / total;
  }
  return found;
}

/** The likeliest class of each image: an array of whole numbers. probabilities: (n × classes). */
export function answersOf(probabilities, classes) {
  const count = probabilities.length / classes;
  return Array.from({ length: count }, (_, image) =>
    argmax(probabilities.subarray(image * classes, (image + 1) * classes)),
  );
}

/** The place of the first of the largest values; NaN is larger than any. */
function argmax(values) {
  let best = 0;
  for (let place = 1; place < values.length; place++) {
    if (values[place] > values[best] || (Number.isNaN(values[place]) && !Number.isNaN(values[best]))) best = place;
  }
  return best;
}
