// What fits nothing is refused before any process or engine starts: these calls would take minutes
// otherwise.
import { expect, test } from "vitest";
import { exitCodes } from "../../src/cli/report_error.ts";
import { verifyCrash } from "../break/verify/crash.ts";
import { verifyFaults } from "../break/verify/faults.ts";
import { verifyMutants } from "../prove/mutants/verify_mutants.ts";

const attempts: [string, () => Promise<unknown>, RegExp][] = [
  ["faults", () => verifyFaults({ seed: 1, only: "clok-ahead-simulator" }), /clock-ahead-simulator/],
  ["faults, a list", () => verifyFaults({ seed: 1, only: ["clock-ahead-simulator", "clok-ahead-simulator"] }), /clock-ahead-simulator/],
  ["faults, a pattern", () => verifyFaults({ seed: 1, only: "clock-*-nobody" }), /nearest name/],
  ["crash", () => verifyCrash({ seed: 1, only: "C99" }), /C\d\d/],
  ["crash, one of two", () => verifyCrash({ seed: 1, only: "C11,intent_comitted" }), /intent_committed/],
  ["mutants", () => verifyMutants({ only: "nonsense" }), /nearest name/],
  ["mutants, one of two", () => verifyMutants({ only: "lease,nonsense" }), /nearest name/],
];

test.each(attempts)("%s: what fits nothing is three lines and exit code 2", async (_, attempt, hint) => {
  const refused = await attempt().catch((error: unknown) => error);
  expect(refused).toMatchObject({ name: "Failure", exitCode: exitCodes.wrongUse, message: expect.stringMatching(/^no \w+( \w+)* fits "/) });
  const { why, remedy } = refused as { why: string; remedy: string };
  expect(why).toMatch(hint);
  expect(`${why}${remedy}`).not.toContain("\n");
  expect(remedy).toMatch(/^npm run verify:\w+ -- --only /);
});
