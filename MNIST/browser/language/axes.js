// The section `Explore:` of a template, as far as a model file can be wrong in it: names, values, ranges.
//
// Values stay text; those of a range are computed exactly, as decimals: whole numbers times a power of ten.

import { quoted, size, strip, stripBegin } from "./characters.js";
import { thousands } from "./numbers.js";
import { didYouMean } from "./similar.js";
import { language } from "./table.js";
import { innerNames, isGroup, keySpanOf, nameOf, pieces, spanOf, strayBrace } from "./text.js";

const NUMBER = /^[+-]?(?=\.?[0-9])[0-9]{0,15}\.?[0-9]{0,15}(e[+-]?[0-9]{1,2})?$/i;
const RANGE = ".."; // between the ends of a range of all numbers

/** A value of an axis is wrong; the message is the reason, for the user. */
class AxisError extends Error {}

/**
 * Note what is wrong in the section `Explore:`, one axis on each line. outer: the placeholders of the other
 * sections; a value in parentheses may have more, which have lines of their own.
 */
export function readExplore(head, lines, outer, problems) {
  const words = lines.flatMap((statement) => statement.words);
  const known = [...new Set([...outer, ...words.flatMap((word) => innerNames(word.text))])];
  if (!known.length) {
    const message = "this section has the values of placeholders, and the file has none";
    problems.add(head.line, `${message}; write {name} in place of a value, or leave the section out`);
    return;
  }
  const { axisValues: most, placeholders } = language().limits;
  if (known.length > placeholders) {
    const file = { source: head.line.source, number: 0, text: "" };
    problems.add(file, `a template has at most ${placeholders} placeholders`);
    return;
  }
  if (!lines.length) {
    problems.add(head.line, `an empty section: it takes lines such as '${known[0]}=…', or leave it out`);
  }
  const given = new Set();
  const counts = lines.map((statement) => countAxis(statement, known, given, problems));
  if (counts.reduce((total, count) => total + count, 0) > most) {
    problems.add(head.line, `more than ${thousands(most)} values in all`);
  }
}

/**
 * How many values the axis of a line has; mistakes are noted. given: the names so far; those of this line are
 * added.
 */
function countAxis(statement, known, given, problems) {
  const { line } = statement;
  const word = nameOf(statement);
  if (statement.block.length || statement.opens) {
    problems.add(line, "no line of this section ends in a colon; a range is start:end or start:end:step");
  }
  if (word.key === null) {
    if (word.text) problems.add(line, `expected name=value,value,…, as in '${known[0]}=…'`, spanOf(word));
    return 0;
  }
  const names = readNames(word, line, known, given, problems);
  const words = [{ ...word, key: null }, ...statement.words.slice(1)];
  for (const other of words) {
    if (other.key !== null) {
      problems.add(line, `${quoted(`${other.key}=`)} begins a line of its own`, keySpanOf(other));
    } else if (other.placeholder) {
      problems.add(line, `expected a value, found the placeholder ${quoted(other.text)}`, spanOf(other));
    }
  }
  const values = words.filter((other) => other.text && other.key === null && !other.isOpen);
  return countValues(names, values, (other, reason) => problems.add(line, reason, spanOf(other)));
}

/** The names before `=`, which are joined by `+`; wrong ones are noted. */
function readNames(word, line, known, given, problems) {
  let column = word.keyColumn;
  return word.key.split("+").map((piece) => {
    const name = strip(piece);
    const span = [column + size(piece) - size(stripBegin(piece)), size(name)];
    column += size(piece) + 1;
    const { classes, limits } = language();
    if (given.has(name)) {
      problems.add(line, `${name} is given twice`, span);
    } else if (name === classes) {
      problems.add(line, `{${classes}} is the dataset's number of classes: there is nothing to explore`, span);
    } else if (!known.includes(name)) {
      const hint = didYouMean(name, known) || `; it has ${known.slice(0, limits.axisNames).join(", ")}`;
      problems.add(line, `the template has no placeholder ${quoted(name)}${hint}`, span);
    } else {
      given.add(name);
    }
    return name;
  });
}

/** How many values words describe; `wrong` is called with each wrong word and the reason. */
function countValues(names, words, wrong) {
  const isRange = words.length === 1 && words[0].text.includes(RANGE) && !isGroup(words[0].text);
  const values = new Map(); // by their meaning
  const most = language().limits.axisValues;
  for (const word of words) {
    try {
      for (const value of isRange ? ends(names, word.text) : expanded(names, word.text)) {
        const meaning = JSON.stringify(value.map(meaningOf));
        if (values.has(meaning)) throw new AxisError(`${shown(values.get(meaning))} is given twice`);
        if (values.size === most) throw new AxisError(`up to here more than ${thousands(most)} values`);
        values.set(meaning, value);
      }
    } catch (error) {
      if (!(error instanceof AxisError)) throw error;
      wrong(word, error.message);
    }
  }
  return values.size;
}

/** The values that one word stands for: one value, or those of a range; each has a text for each name. */
function* expanded(names, word) {
  if (isGroup(word)) {
    yield [group(names, word)];
    return;
  }
  if (word.includes("=")) {
    throw new AxisError(`expected a value, found ${quoted(word)}; another name begins a list of its own`);
  }
  if (word.includes(RANGE)) {
    throw new AxisError(
      `${quoted(word)} stands for all numbers between its ends: it takes no others beside it`,
    );
  }
  if (names.length === 1) {
    for (const value of word.includes(":") ? range(word) : [word]) yield [value];
    return;
  }
  const value = word.split("+").map(strip);
  if (value.length !== names.length || value.includes("")) {
    const expected = `expected ${names.length} values joined by '+', for ${shown(names)}`;
    throw new AxisError(`${expected}, found ${quoted(word)}`);
  }
  if (word.includes(":")) {
    throw new AxisError(`joined values are written out: there is no range in ${quoted(word)}`);
  }
  yield value;
}

/** A value in parentheses, without spaces around its words. */
function group(names, word) {
  if (names.length > 1) {
    throw new AxisError(`joined values are single words: there is no place for ${quoted(word)}`);
  }
  const words = pieces(word.slice(1, -1)).map(strip);
  if (words.length === 1 && words[0] === "") return "()";
  if (words.includes("")) throw new AxisError(`a value is missing in ${quoted(word)}`);
  if (strayBrace(word)) {
    throw new AxisError(`a placeholder is {name}, and takes the place of a whole value: ${quoted(word)}`);
  }
  if (word.includes(RANGE)) {
    throw new AxisError(
      `a range has a placeholder and a line of its own: there is no range in ${quoted(word)}`,
    );
  }
  return `(${words.join(",")})`;
}

/** The least and the greatest number of `least..greatest`. */
function ends(names, word) {
  if (names.length > 1) {
    throw new AxisError(`joined values are written out: there is no range in ${quoted(word)}`);
  }
  const found = word.split(RANGE).map(strip);
  if (found.length !== 2 || word.includes("...") || !found.every((end) => NUMBER.test(end))) {
    throw new AxisError(`expected two numbers, as in 0.0001..0.03, found ${quoted(word)}`);
  }
  if (Number(found[0]) >= Number(found[1])) {
    throw new AxisError(
      `expected the smaller number first and the greater one behind it, found ${quoted(word)}`,
    );
  }
  return found.map((end) => [end]);
}

/** The numbers of `start:end` or `start:end:step`, with the end if a step hits it. */
function* range(word) {
  const parts = word.split(":").map(strip);
  if (parts.length < 2 || parts.length > 3 || !parts.every((part) => NUMBER.test(part))) {
    throw new AxisError(`expected a range of numbers, start:end or start:end:step, found ${quoted(word)}`);
  }
  const numbers = [...parts, "1"].slice(0, 3).map(decimal);
  const power = Math.min(...numbers.map((number) => number.power));
  const [start, end, step] = numbers.map((number) => number.digits * 10n ** BigInt(number.power - power));
  if (step === 0n) throw new AxisError(`the step of ${word} is 0, and leads nowhere`);
  if ((end - start) * step < 0n) {
    const back = plainly({ ...numbers[2], digits: -numbers[2].digits });
    throw new AxisError(`the step of ${word} leads away from its end; write ${parts[0]}:${parts[1]}:${back}`);
  }
  const count = (end - start) / step + 1n;
  if (count === 1n && start !== end) {
    throw new AxisError(
      `a step of ${plainly(numbers[2])} leads from ${parts[0]} beyond ${parts[1]};` +
        ` write a smaller one, ${parts[0]}:${parts[1]}:step, or both values, ${parts[0]},${parts[1]}`,
    );
  }
  const most = language().limits.axisValues;
  if (count > most) throw new AxisError(`${word} has more than ${thousands(most)} values`);
  if (start === 0n && parts[0].startsWith("-") && step < 0n) yield "-0"; // as Python's decimals
  else yield shortly({ digits: start, power });
  for (let place = 1n; place < count; place += 1n) yield shortly({ digits: start + place * step, power });
}

/** A decimal: the whole number `digits` times ten to the `power`. */
function decimal(text) {
  const [mantissa, exponent = "0"] = text.toLowerCase().split("e");
  const [whole, decimals = ""] = mantissa.replace(/^[+-]/, "").split(".");
  const digits = BigInt(whole + decimals);
  return { digits: mantissa.startsWith("-") ? -digits : digits, power: Number(exponent) - decimals.length };
}

/** A decimal with all its digits and no exponent. */
function plainly({ digits, power }) {
  const sign = digits < 0n ? "-" : "";
  const text = String(digits < 0n ? -digits : digits);
  if (power >= 0) return sign + text + "0".repeat(power);
  const padded = text.padStart(1 - power, "0");
  return `${sign}${padded.slice(0, power)}.${padded.slice(power)}`;
}

/** A decimal without zeros at its end and no exponent. */
function shortly(number) {
  const text = plainly(number);
  return number.digits === 0n ? "0" : text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** Names or values joined by `+`, as they are written, shortened if they are long. */
function shown(joined) {
  return quoted(joined.join("+")).slice(1, -1);
}

/** A key that two spellings of one value share, such as 0.001 and 1e-3, or Adam and adam. */
function meaningOf(text) {
  return NUMBER.test(text) ? Number(text) : text.toLowerCase();
}
