// Numbers as Python writes them.

/** The product of whole numbers: exact, and therefore a BigInt if it is too large for a number. */
export function product(factors) {
  const result = factors.reduce((before, factor) => before * factor, 1);
  return Number.isSafeInteger(result) ? result : factors.reduce((before, factor) => before * BigInt(factor), 1n);
}

/** The sum of whole numbers, numbers or BigInts; as for `product`. */
export function sum(terms) {
  const result = terms.reduce((before, term) => before + Number(term), 0);
  return Number.isSafeInteger(result) ? result : terms.reduce((before, term) => before + BigInt(term), 0n);
}

/** A whole number, or one as a text, with commas between the thousands: `{:,}`. */
export function thousands(number) {
  return String(number).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** The shortest decimal that reads as this number, without ".0" at its end: `repr`. */
export function shortest(number) {
  const [, sign, first, more = "", power] = /^(-?)(\d)(?:\.(\d+))?e([-+]\d+)$/.exec(number.toExponential());
  return sign + written(first + more, Number(power), 16);
}

/** A number above 0 with at most six digits: `{:g}`. */
export function general(number) {
  if (number === 0) return "0";
  const [digits, power] = rounded(number, 6);
  return written(digits.replace(/(?!^)0+$/, ""), power, 6);
}

/** A number of at least 0 with two decimals and commas: `{:,.2f}`. */
export function hundredths(number) {
  const isTie = (8 * number) % 2 === 1; // only eighths end in a 5 behind two decimals, exactly
  const even = isTie ? Math.floor(100 * number) + (Math.floor(100 * number) % 2) : null;
  const [whole, decimals] = (isTie ? (even / 100).toFixed(2) : number.toFixed(2)).split(".");
  return `${thousands(whole)}.${decimals}`;
}

/**
 * The first `count` digits of a number, and the power of ten of the first; a number in the middle becomes even.
 */
function rounded(number, count) {
  const exact = number.toExponential(99);
  const [digits, power] = [exact.replace(/[.]|e.*/g, ""), Number(exact.split("e")[1])];
  const isTie = /^50*$/.test(digits.slice(count));
  if (isTie && Number(digits[count - 1]) % 2 === 0) return [digits.slice(0, count), power];
  const shown = number.toExponential(count - 1);
  return [shown.replace(/[.]|e.*/g, ""), Number(shown.split("e")[1])];
}

/**
 * Digits, the first worth 10^power, as a decimal; with an exponent if the power is below -4 or at least `most`.
 */
function written(digits, power, most) {
  if (power < -4 || power >= most) {
    const exponent = String(Math.abs(power)).padStart(2, "0");
    return `${digits[0]}${digits.length > 1 ? `.${digits.slice(1)}` : ""}e${power < 0 ? "-" : "+"}${exponent}`;
  }
  if (power < 0) return `0.${"0".repeat(-power - 1)}${digits}`;
  const whole = digits.slice(0, power + 1).padEnd(power + 1, "0");
  return digits.length > power + 1 ? `${whole}.${digits.slice(power + 1)}` : whole;
}
