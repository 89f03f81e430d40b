import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { baseImages, CommandError, dockerEnvironment, runCommand } from "./docker.ts";

const root = join(import.meta.dirname, "..", "..", "..");
const read = (file: string) => readFileSync(join(root, file), "utf8");

test("the base images are those with a tag, each once, and the script of stand-ins reads the same ones", () => {
  const images = baseImages(read("Dockerfile"), read("compose.yaml"));
  expect(images).toEqual([
    expect.stringMatching(/^node:24-/),
    expect.stringMatching(/^postgres:\d+$/),
    expect.stringMatching(/^redis:\d+$/),
  ]);
  const listed = execFileSync("bash", [join(import.meta.dirname, "standins.sh"), "--list"], { encoding: "utf8" });
  expect(listed.trim().split("\n").sort()).toEqual(images);
});

test("settings of the shell do not reach Compose, where they would win over the secrets of the proof", () => {
  const kept = { PATH: "/bin", HOME: "/root", DOCKER_HOST: "unix:///run/docker.sock", DS_PORTS: "1" };
  const dropped = { BULKSMS_ADMIN_KEY: "a", COMPOSE_FILE: "b", COMPOSE_PROJECT_NAME: "c", DS_PASSWORD: "d", WEBAPI_PORT: "1" };
  expect(dockerEnvironment({ ...kept, ...dropped })).toEqual(kept);
  for (const [, name] of read("compose.yaml").matchAll(/\$\{([A-Z_]+)/g)) expect(dockerEnvironment({ [name as string]: "x" })).toEqual({});
});

test("a command answers its output; a failed one names its exit code and its last lines", async () => {
  expect(await runCommand(["printf", "a b"])).toBe("a b");
  const failed = await runCommand(["sh", "-c", "echo out; echo why >&2; exit 4"]).catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(CommandError);
  expect(failed).toMatchObject({ exitCode: 4, message: expect.stringMatching(/exit code 4\n {2}out\n {2}why$/) });
  expect(await runCommand(["sh", "-c", "echo broken; exit 1"], { acceptsExitCodes: [1] })).toBe("broken\n");
  expect(await runCommand(["sh", "-c", "echo why >&2"], { includesErrors: true })).toBe("why\n");
});

test("a command that is not installed has no exit code", async () => {
  await expect(runCommand(["bulksms-no-such-program"])).rejects.toMatchObject({ name: "CommandError", exitCode: null });
});

test("a command that hangs ends at its limit", async () => {
  await expect(runCommand(["sleep", "60"], { limitMs: 50 })).rejects.toThrow("took longer than 0.05 s");
});

test("an interrupted command ends with the reason of the interruption, also before it began", async () => {
  const interrupted = new AbortController();
  const running = runCommand(["sleep", "60"], { signal: interrupted.signal });
  interrupted.abort(new Error("enough"));
  await expect(running).rejects.toThrow("enough");
  await expect(runCommand(["true"], { signal: interrupted.signal })).rejects.toThrow("enough");
});
