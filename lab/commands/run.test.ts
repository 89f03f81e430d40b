// `lab run` by its command line: one word for scenarios and for the runs that measure, each with
// its own options. Nothing is started here.
import { Command } from "commander";
import { expect, test } from "vitest";
import { measuredRuns, register } from "./run.ts";

/** @returns what the command line refuses, or shows when it is asked for help */
async function saidTo(...words: string[]): Promise<string> {
  let said = "";
  const write = (text: string): void => {
    said += text;
  };
  const program = new Command("lab").exitOverride().configureOutput({ writeOut: write, writeErr: write });
  register(program);
  await expect(program.parseAsync(["run", ...words], { from: "user" })).rejects.toThrow();
  return said;
}

test("a wrong option is refused with its limits", async () => {
  for (const contacts of ["0", "many", "10000001", "1.5", "1e3", "0x10", "+5", " 5"])
    expect(await saidTo("finland", "--contacts", contacts)).toContain("a whole number from 1 to 10,000,000");
  expect(await saidTo("evaluation", "--contacts", "5,none")).toContain("whole numbers from 1 to 1,000,000");
  expect(await saidTo("evaluation", "--only", "theirs")).toContain("one of ours, original");
  expect(await saidTo("evaluation", "--speed", "0")).toContain("a number above 0, or max");
  expect(await saidTo("evaluation", "--contacts", "5, 7")).toContain("whole numbers from 1 to 1,000,000");
  expect(await saidTo("evaluation", "--speed", "1e3")).toContain("a number above 0, or max");
  expect(await saidTo("replies-lost", "--seed", "1e3")).toContain("a whole number from 0 to 4294967295");
  expect(await saidTo("replies-lost", "--seed", "-1")).toContain("a whole number from 0 to 4294967295");
});

test("an option that a scenario and a measured run both have belongs to the one behind whose name it stands", async () => {
  expect(await saidTo("evaluation", "--report", "folder", "--speed", "0")).not.toContain("--report is not an option");
  expect(await saidTo("finland", "--json", "--contacts", "0")).not.toContain("--json is not an option");
  expect(await saidTo("--report", "file", "evaluation", "--speed", "0")).toContain("--report is not an option of evaluation");
  expect(await saidTo("--seed", "3", "finland", "--contacts", "0")).toContain("--seed is not an option of finland");
});

test("the measured runs stand in the help of run, and each has its own", async () => {
  expect(measuredRuns().map(({ name }) => name)).toEqual(["browser", "evaluation", "finland"]);
  const help = await saidTo("--help");
  for (const { name } of measuredRuns()) expect(help).toMatch(new RegExp(`^  ${name} `, "m"));
  expect(await saidTo("evaluation", "--help")).toContain("--compare <folder>");
});
