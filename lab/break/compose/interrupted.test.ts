// The proof is interrupted: wherever it stands, what it has started is taken down. (By signals, as
// a command: interrupted.proof.test.ts.)
import { afterEach, expect, test, vi } from "vitest";
import { waitFor } from "../../../testing/wait_for.ts";
import { type FakeDocker, type FakeOptions, makeFakeDocker } from "./fake_docker.ts";
import { ProofInterrupted, proveCompose } from "./prove_compose.ts";

let docker: FakeDocker | undefined;
afterEach(() => {
  vi.unstubAllEnvs();
  docker?.remove();
});

/** Interrupts the proof once docker was called so. @returns its end, and the later calls */
async function interruptAt(call: string, options: FakeOptions): Promise<{ error: unknown; after: string[]; steps: string[] }> {
  const fake = makeFakeDocker(options);
  docker = fake;
  vi.stubEnv("PATH", fake.path);
  const interrupted = new AbortController();
  const steps: string[] = [];
  const proof = proveCompose({ seed: 1, signal: interrupted.signal, onStep: ({ what, detail }) => steps.push(`${what}: ${detail}`) });
  const ended = proof.catch((error: unknown) => error);
  const at = await waitFor(call, () => {
    const found = fake.calls().findIndex((words) => words.startsWith(call));
    return found !== -1 && { index: found };
  });
  interrupted.abort(new Error("Ctrl-C"));
  const error = await ended;
  return { error, after: fake.calls().slice(at.index + 1), steps };
}

const down = "compose --profile check down --volumes --remove-orphans --timeout 10";

test.each([
  ["compose up", "compose up"],
  ["inspect c1", "inspect c1"],
  ["inspect c1", "nothing"],
])("at %s, which hangs at %s: the stack is taken down, and nothing is left", async (call, hangsAt) => {
  const { error, after, steps } = await interruptAt(call, { hangsAt });
  expect(error).toBeInstanceOf(ProofInterrupted);
  expect((error as ProofInterrupted).left).toEqual([]);
  expect(after).toContain(down);
  expect(steps.at(-1)).toBe("taken down: no container, volume or network is left");
});

test("before anything was started there is nothing to take down", async () => {
  const { error, after } = await interruptAt("build", { hangsAt: "build" });
  expect(error).toEqual(new ProofInterrupted([]));
  expect(after).toEqual([]);
});

test("what cannot be taken down is named", async () => {
  const { error, after } = await interruptAt("inspect c1", { cannotRemove: true });
  expect(after).toContain(down);
  expect((error as ProofInterrupted).left).toEqual(["container c1", "volume v1", expect.stringMatching(/exit code 1\n {2}no permission$/)]);
});
