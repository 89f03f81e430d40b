import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomRuns } from "../../testing/random_runs.ts";
import { countSeptets } from "./encodings.ts";
import { columnKey, compileTemplate, findForeignPlaceholder, isBlank, isEmptyValue, type Template } from "./template.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

function compile(text: string): Template {
  const compiled = compileTemplate(text);
  if ("problem" in compiled) throw new Error(compiled.problem.reason);
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
    expect(compile("Hi {{{name}}}").fill(["Ada"])).toBe("Hi {Ada}");
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

  it("puts a default where the value is empty, each place its own", () => {
    const template = compile("Hi {name|student}, {name| friend }! {town|}{Name}");
    expect(template.placeholders).toEqual(["name", "town"]);
    expect(template.needsValue).toEqual([true, false]);
    expect(template.fill(["", ""])).toBe("Hi student, friend! ");
    expect(template.fill(["Ada", "Oulu"])).toBe("Hi Ada, Ada! OuluAda");
    expect(compile("{a|b|c}").fill([""])).toBe("b|c");
    for (const values of [
      ["", ""],
      ["Ada", ""],
      ["", "Oulu"],
      ["€", "š"],
    ]) {
      expect(template.filledLength(values)).toBe(template.fill(values).length);
      expect(template.filledSeptets(values)).toBe(countSeptets(template.fill(values)));
    }
    expect(compileTemplate("{|x}")).toMatchObject({ problem: { at: 0 } });
    expect(compileTemplate("{a|{b}")).toMatchObject({ problem: { at: 0 } });
  });

  it("finds a column whose name has invisible or decomposed characters", () => {
    expect(columnKey("\ufeffname\u200b")).toBe("name");
    expect(compile("{Ma\u0308a\u0308ra\u0308}").placeholders).toEqual(["määrä"]);
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
      { seed, numRuns: randomRuns(700) },
    );
  });

  it(`without braces is the text itself (seed ${seed})`, () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const plain = text.replace(/[{}]/g, "");
        expect(compile(plain).fill([])).toBe(plain);
      }),
      { seed, numRuns: randomRuns(200) },
    );
  });
});

describe("a placeholder of another system", () => {
  it.each([
    ["Hi {{name}}!", "{{name}}"],
    ["Hi {{ Name | default: x }}!", "{{ Name | default: x }}"],
    ["Hi $\u007bname}!", "$\u007bname}"],
    ["Hi ((name))!", "((name))"],
    ["Hi [name]!", "[name]"],
    ["Hi [[Name]]!", "[[Name]]"],
    ["Hi <name>!", "<name>"],
    ["Hi <<name>>!", "<<name>>"],
    ["Hi <%= name %>!", "<%= name %>"],
    ["Hi «name»!", "«name»"],
    ["Hi *|NAME|*!", "*|NAME|*"],
    ["10 % off for %name%!", "%name%"],
    ["Hi %%name%%!", "%name%"],
    ["Hi __name__!", "__name__"],
    ["Hi :name:!", ":name:"],
    ["Hi @name@!", "@name@"],
    ["Hi ~name~!", "~name~"],
    ["Hi |name|!", "|name|"],
    ["Hi $name!", "$name"],
    ["$name_day, hi $name", "$name"],
    ["Hi #name#!", "#name#"],
    ["Hi name}!", "name}"],
    ["{name} and First Name} too", "First Name}"],
    ["Hi [first-name]!", "[first-name]"],
  ])("%s is found where the file has the column", (text, spelling) => {
    expect(findForeignPlaceholder(text, ["phone", "name", "first name"])?.spelling).toBe(spelling);
    expect(findForeignPlaceholder(text, ["phone", "town"])).toBeNull();
  });

  it.each(["Hi {name}!", "Hi {{{name}}}", "{name|friend}", "my name", "name: {name}", "[1] name", "5 < name and 3 > 2 <b>", "{{town}} }"])(
    "%s has none",
    (text) => {
      expect(findForeignPlaceholder(text, ["phone", "name"])).toBeNull();
    },
  );
});

describe("an empty value", () => {
  it.each(
    "#N/A #REF! #VALUE! #NAME? #DIV/0! #NULL! #NUM! #SPILL! #NV #BEZUG! #WERT! #ZAHL! #ÜBERLAUF! #VALEUR! #NOM? #¡REF! #¿NOMBRE? #N/D #RIF! #NÚM! #PUUTTUU! #VIITTAUS! #JAKO/0! #TYHJÄ! #SAKNAS! #VÄRDEFEL! #I/T #VERDI! #N/B #WAARDE! #DEEL/0! #ADR! #Н/Д #ССЫЛКА! #ДЕЛ/0! #NENÍ_K_DISPOZICI Err:502 ##### NULL null N/A n/a NaN nan None <NA>".split(
      " ",
    ),
  )("is %s", (value) => {
    expect(isEmptyValue(value)).toBe(true);
    expect(isEmptyValue(` ${value}\u00a0`)).toBe(true);
  });

  it.each(["", "  ", "\u00a0", "\u200b", "\u200b \ufeff", "\u3164", "\u2800"])("is what shows nothing: %j", (value) => {
    expect(isEmptyValue(value)).toBe(true);
    expect(isBlank(value)).toBe(true);
  });

  it.each(["Ada", "Null", "Nan", "#1", "#hello", "0", "-", "N", "#ada!", "Err", ".", "a#REF!", "x".repeat(100)])("is not %s", (value) => {
    expect(isEmptyValue(value)).toBe(false);
  });
});
