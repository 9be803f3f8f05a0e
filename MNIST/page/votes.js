// How many of the networks say what.

/** In words, such as "24 of 30 say 3, 5 say 5, 1 says 8". answers: a class's name for each network, null for none. */
export function inVotes(answers) {
  const votes = new Map();
  for (const answer of answers) if (answer !== null) votes.set(answer, (votes.get(answer) ?? 0) + 1);
  const order = [...votes].sort(([, a], [, b]) => b - a);
  if (order.length === 0) return "";
  const all = answers.length;
  const [[first, most], ...others] = order;
  if (most === all) return `${all === 2 ? "Both" : `All ${all}`} say ${first}`;
  const silent = answers.filter((answer) => answer === null).length;
  return [
    `${most} of ${all} ${says(most)} ${first}`,
    ...others.map(([answer, count]) => `${count} ${says(count)} ${answer}`),
    ...(silent ? [`${silent} ${silent === 1 ? "has" : "have"} no answer`] : []),
  ].join(", ");
}

function says(count) {
  return count === 1 ? "says" : "say";
}
