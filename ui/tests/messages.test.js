// The core's sentences in German: every template has one, with the same parts, and none is left over.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { reasons, templates } from "../strings.js";

let english, german;
before(async () => ([english, german] = await Promise.all([templates(), reasons()])));

const parts = (sentence) => [...new Set(sentence.match(/\{\w+\}/g))].sort();

test("every sentence of the core is found", () => {
  assert.ok(english.size > 500, `${english.size} templates`);
  for (const one of [
    "the database at {place} cannot be reached: {detail}",
    "it is cut off",
    "its recipe is too long",
    "a COPY whose data is not text",
    "word number {number}, \"{typed}\", is not one of the 2048 recovery words: check its spelling",
    "The vault is full",
  ]) {
    assert.ok(english.has(one), one);
  }
});

test("every sentence of the core has a German one, and no other has", () => {
  assert.deepEqual([...english].filter(([one]) => !Object.hasOwn(german, one)), [], "missing");
  assert.deepEqual(Object.keys(german).filter((one) => !english.has(one)), [], "left over");
});

test("both have the same parts", () => {
  const differ = Object.entries(german).filter(([one, other]) => String(parts(one)) !== String(parts(other)));
  assert.deepEqual(differ, []);
});

test("no sentence ends with a full stop, in either language", () => {
  // Others follow it.
  const ended = Object.entries(german).flat().filter((sentence) => /[.]$/.test(sentence));
  assert.deepEqual(ended, []);
});
