// What keeps the project pure quick: each test belongs to one project by its name, and a pure one
// that asks for an engine or for processes is told what to do.
import { expect, test } from "vitest";
import { startCluster } from "./cluster.ts";
import { createEmptyDatabase, createTestDatabase, testRedis } from "./engines.ts";

test.each([
  ["a database", () => createTestDatabase("ds")],
  ["an empty database", createEmptyDatabase],
  ["Redis", testRedis],
] as const)("a pure test that asks for %s fails, with what to do", async (_what, ask) => {
  await expect(ask()).rejects.toThrow("a pure test asked for the test engines: rename its file to *.database.test.ts");
});

test("a pure test that asks for a cluster fails, with what to do", async () => {
  await expect(startCluster()).rejects.toThrow("a pure test asked for a cluster: rename its file to *.system.test.ts");
});
