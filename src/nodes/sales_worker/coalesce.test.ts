import { describe, expect, it } from "vitest";
import { createLog } from "../../platform/log.ts";
import { coalesce } from "./coalesce.ts";

const log = createLog("test", { level: "fatal", format: "json" });

describe("work that many doorbells ask for", () => {
  it("is done once at a time for a key, and once more for all who asked meanwhile", async () => {
    const done: string[] = [];
    let atOnce = 0;
    const ask = coalesce(async (key) => {
      expect(++atOnce).toBeLessThanOrEqual(2); // two keys
      await new Promise((resolve) => setImmediate(resolve));
      atOnce--;
      done.push(key);
    }, log);
    for (let ring = 0; ring < 50; ring++) ask("a");
    ask("b");
    await ask.idle();
    expect(done.toSorted()).toEqual(["a", "a", "b"]);
    ask("a");
    await ask.idle();
    expect(done).toHaveLength(4);
  });

  it("survives its own failure", async () => {
    let attempts = 0;
    const ask = coalesce(async () => {
      attempts++;
      throw new Error("the database is away");
    }, log);
    ask("a");
    ask("a");
    await ask.idle();
    expect(attempts).toBe(2);
  });
});
