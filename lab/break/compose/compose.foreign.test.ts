// The whole proof of compose.yaml on a real engine: about four minutes. Left out, by its name,
// where there is no Docker engine, no Compose or no base image.
import { expect, test } from "vitest";
import { Failure } from "../../../src/cli/failure.ts";
import { exitCodes } from "../../../src/cli/report_error.ts";
import { type ComposeProof, proveCompose } from "./prove_compose.ts";

const proofMaxMs = 3_600_000;

test("compose.yaml keeps every law on a real engine while a container of each kind is killed", { timeout: proofMaxMs }, async ({
  skip,
  signal,
}) => {
  const lines: string[] = [];
  const proof = await proveCompose({
    seed: 15,
    signal,
    onStep: ({ what, durationMs, detail }) => lines.push(`${what}, ${Math.round(durationMs / 1_000)} s: ${detail}`),
  }).catch((error: unknown): string => {
    if (error instanceof Failure && error.exitCode === exitCodes.noAnswer)
      return `${error.message}: ${error.why}. To run it: ${error.remedy}`;
    throw error;
  });
  if (typeof proof === "string") {
    process.stderr.write(`\nTHE PROOF OF compose.yaml WAS NOT RUN: ${proof}\n\n`);
    return skip(proof);
  }
  process.stdout.write(`${lines.join("\n")}\n`);
  expect((proof as ComposeProof).reasons).toEqual([]);
});
