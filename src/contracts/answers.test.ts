// Every JSON answer of every route is one schema of this folder, so routes, clients, console and
// /docs cannot disagree about it.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { type FoundRoute, readRoutesOfAll } from "../../testing/routes.ts";
import { idempotentReplayedHeader } from "./idempotency.ts";
import { keyScopes } from "./keys.ts";

/** Answered as text/csv and in Prometheus' format. */
const notJson = ["GET /bulksms/:id/report.csv", "GET /bulksms/:id/rejects.csv", "GET /metrics"];

let routes: FoundRoute[];
let documents: Record<string, unknown>;
const contracts = new Map<unknown, string>();
beforeAll(async () => {
  ({ routes, documents } = await readRoutesOfAll());
  for (const file of readdirSync(import.meta.dirname).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))) {
    for (const [name, value] of Object.entries(
      (await import(pathToFileURL(join(import.meta.dirname, file)).href)) as Record<string, unknown>,
    ))
      if (value instanceof z.ZodType) contracts.set(value, name);
  }
});

const nameOf = ({ method, path }: FoundRoute): string => `${method} ${path}`;

test("every answer of every route is a schema of contracts, or empty", () => {
  expect(routes.length).toBeGreaterThan(28);
  const strange = routes
    .filter((route) => !notJson.includes(nameOf(route)))
    .flatMap((route) => {
      const answers = Object.entries(route.answers);
      if (answers.length === 0) return [`${nameOf(route)} has no schema`];
      const isEmpty = (status: string, schema: unknown) => status === "204" && schema instanceof z.ZodNull;
      return answers
        .filter(([status, schema]) => !contracts.has(schema) && !isEmpty(status, schema))
        .map(([status]) => `${nameOf(route)} ${status}`);
    });
  expect(strange).toEqual([]);
});

describe("the one header of a repeat's answer", () => {
  test("stands in /docs, at the three routes that take an Idempotency-Key", () => {
    const named = Object.values(documents).flatMap((document) => {
      const { paths } = document as { paths: Record<string, Record<string, { responses?: Record<string, { headers?: object }> }>> };
      return Object.entries(paths).flatMap(([path, methods]) =>
        Object.entries(methods).flatMap(([method, { responses = {} }]) =>
          Object.values(responses).some(({ headers = {} }) => idempotentReplayedHeader in headers) ? [`${method} ${path}`] : [],
        ),
      );
    });
    expect(named).toEqual(["post /create", "post /messages", "post /workspaces/{id}/credit"]);
  });

  test("is written nowhere else, and by no other name", () => {
    const root = join(import.meta.dirname, "..");
    const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter(
      (file) => /\.tsx?$/.test(file) && !/test\.ts$/.test(file),
    );
    const writers = files.filter((file) => /idempoten(t|cy)-replayed/i.test(readFileSync(join(root, file), "utf8")));
    expect(writers).toEqual([join("contracts", "idempotency.ts")]);
  });
});

test("the columns of scopes take those of the contract, and no other", () => {
  const folder = join(import.meta.dirname, "..", "credit", "migrations");
  const checks = readdirSync(folder).flatMap((file) => [
    ...readFileSync(join(folder, file), "utf8").matchAll(/scopes <@ array\[([^\]]*)\]/g),
  ]);
  expect(checks.length).toBeGreaterThan(0);
  for (const [, list] of checks) expect(list?.split(", ").map((scope) => scope.slice(1, -1))).toEqual([...keyScopes]);
});
