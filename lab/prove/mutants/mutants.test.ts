// The list of mutants fits the source as it is today. (That each is caught takes minutes:
// verify:mutants. That the model catches its own: lab/prove/model/model.proof.test.ts.)
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { guards } from "./list.ts";
import { replaceOnce } from "./mutant_tree.ts";
import { patches } from "./patches.ts";

const read = (file: string) => readFileSync(join(import.meta.dirname, "..", "..", "..", file), "utf8");

test("every guard has a mutant, and no two have one name", () => {
  expect(Object.keys(patches).sort()).toEqual(guards.map(({ name }) => name).sort());
});

test.each(guards)("the patch that takes out $name still fits, and those who must notice still exist", ({ name }) => {
  const { replacements, catchers } = patches[name];
  for (const replacement of replacements) expect(replaceOnce(read(replacement.file), replacement)).toContain(replacement.by);
  for (const catcher of catchers) if (catcher.kind === "test") expect(read(catcher.file)).toContain(`"${catcher.title}"`);
});

test("a patch whose place has moved on, or stands twice, is refused", () => {
  const replacement = { file: "a.ts", find: "guard()", by: "" };
  expect(() => replaceOnce("nothing", replacement)).toThrow("a.ts has 0 times, not once: guard()");
  expect(() => replaceOnce("guard(); guard();", replacement)).toThrow("2 times");
});
