import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countSeptets } from "./encodings.ts";
import { columnKey, compileTemplate, type Template } from "./template.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

function compile(text: string): Template {
  const compiled = compileTemplate(text);
  if ("problem" in compiled) throw new Error(compiled.problem.says);
  return compiled.template;
}

describe("a template", () => {
  it("names each column once, in order of first use, whatever its case and spaces", () => {
    expect(compile("{First  Name} {town}, { first name }!").placeholders).toEqual(["first name", "town"]);
    expect(compile("Hi { ETUNIMI } ").fill(["Aino"])).toBe("Hi Aino ");
  });

  it("never fills a value again", () => {
    expect(compile("{a} and {b}").fill(["{b}", "{a}"])).toBe("{b} and {a}");
    expect(compile("{a}").fill(["$& $1 {{a}} {"])).toBe("$& $1 {{a}} {");
  });

  it("has doubled braces for braces, and a lone closing one is itself", () => {
    expect(compile("{{}} {{x}} :} {a}}}").fill(["A"])).toBe("{} {x} :} A}");
    expect(compile("{{name}}").literalNames).toEqual(["name"]);
    expect(compile("{{name}}").placeholders).toEqual([]);
  });

  it.each([
    ["Hello {name", 6],
    ["Hello {", 6],
    ["Hello {}", 6],
    ["Hello { }", 6],
    ["{a{b}", 0],
    [`{${"x".repeat(101)}}`, 0],
    ["ok {a} then {b", 12],
  ])("%s is refused at %i", (text, at) => {
    expect(compileTemplate(text)).toMatchObject({ problem: { at } });
  });

  it("with a wrong number of values throws", () => {
    expect(() => compile("{a}{b}").fill(["1"])).toThrow(RangeError);
  });

  it(`is its literal parts and its values in turn, whatever both contain (seed ${seed})`, () => {
    const piece = fc.record({ literal: fc.string(), name: fc.constantFrom("a", "b", "C c", "ä") });
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 8 }),
        fc.string(),
        fc.array(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom("a", "€", "ä", "š", "😀") })), { minLength: 4, maxLength: 4 }),
        (pieces, tail, values) => {
          const double = (literal: string) => literal.replace(/[{}]/g, "$&$&");
          const text = pieces.map(({ literal, name }) => `${double(literal)}{${name}}`).join("") + double(tail);
          const template = compile(text);
          const valueByName = new Map(template.placeholders.map((name, index) => [name, values[index] as string]));
          const expected = pieces.map(({ literal, name }) => literal + valueByName.get(columnKey(name))).join("") + tail;
          const given = template.placeholders.map((name) => valueByName.get(name) as string);
          expect(template.fill(given)).toBe(expected);
          expect(template.filledLength(given)).toBe(expected.length);
          expect(template.filledSeptets(given)).toBe(countSeptets(expected));
        },
      ),
      { seed, numRuns: 2_000 },
    );
  });

  it(`without braces is the text itself (seed ${seed})`, () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const plain = text.replace(/[{}]/g, "");
        expect(compile(plain).fill([])).toBe(plain);
      }),
      { seed, numRuns: 500 },
    );
  });
});
