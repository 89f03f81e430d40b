import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { fiveContacts, ouluStudents } from "../../examples/generate.ts";

const example = (name: string): string => readFileSync(fileURLToPath(new URL(`../../examples/${name}`, import.meta.url)), "utf8");

describe("the example files", () => {
  it("are what their generator makes", () => {
    expect(example("5_contacts.csv")).toBe(fiveContacts());
    expect(example("oulu_students_5000.csv")).toBe(ouluStudents());
  });

  it("have five and exactly 5,000 rows below their header", () => {
    expect(example("5_contacts.csv").trimEnd().split("\n")).toHaveLength(6);
    expect(example("oulu_students_5000.csv").trimEnd().split("\n")).toHaveLength(5_001);
  });
});
