import { describe, expect, it } from "vitest";
import { coalesce } from "./coalesce.ts";
import { nextTurn } from "./next_turn.ts";

const noError = (error: unknown): never => {
  throw error;
};

describe("work that many requests ask for", () => {
  it("is done once at a time for a key, and once more for all who asked meanwhile", async () => {
    const done: string[] = [];
    let atOnce = 0;
    const ask = coalesce(async (key) => {
      expect(++atOnce).toBeLessThanOrEqual(2); // two keys
      await nextTurn();
      atOnce--;
      done.push(key);
    }, noError);
    for (let ring = 0; ring < 50; ring++) ask("a");
    ask("b");
    await ask.idle();
    expect(done.toSorted()).toEqual(["a", "a", "b"]);
    ask("a");
    await ask.idle();
    expect(done).toHaveLength(4);
  });

  it("begins within the request, and sees what was true when it was asked last", async () => {
    const seen: number[] = [];
    let now = 1;
    const ask = coalesce(async () => {
      seen.push(now);
      await nextTurn();
    }, noError);
    ask("a");
    expect(seen).toEqual([1]);
    ask("a");
    now = 2;
    await ask.idle();
    expect(seen).toEqual([1, 2]);
  });

  it("may ask for itself", async () => {
    let rounds = 0;
    const ask = coalesce(async (key) => {
      if (++rounds < 3) ask(key);
    }, noError);
    ask("a");
    await ask.idle();
    expect(rounds).toBe(3);
  });

  it("asked for in the very moment of its end, is done again", async () => {
    let rounds = 0;
    const ask = coalesce(async () => void rounds++, noError);
    for (let moment = 0; moment < 20; moment++) {
      ask("a");
      for (let tick = 0; tick < moment; tick++) await Promise.resolve();
    }
    const before = rounds;
    ask("a");
    await ask.idle();
    expect(rounds).toBeGreaterThan(before);
  });

  it("survives its own failure, at once or later, which is reported with its key", async () => {
    const failures: unknown[] = [];
    const ask = coalesce(
      (key) => {
        if (key === "at once") throw new Error(key);
        return Promise.reject(new Error(key));
      },
      (error, key) => failures.push([key, (error as Error).message]),
    );
    ask("at once");
    ask("later");
    ask("later");
    await ask.idle();
    expect(failures).toEqual([
      ["at once", "at once"],
      ["later", "later"],
      ["later", "later"],
    ]);
  });
});
