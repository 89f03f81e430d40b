import fc from "fast-check";
import { expect, test } from "vitest";
import { anyText } from "../../testing/any_text.ts";
import { randomRuns } from "../../testing/random_runs.ts";
import { renamedSettings, type Setting, type SettingName, settings } from "../contracts/settings.ts";
import { ConfigError, readConfig, requireSafeListener } from "./config.ts";

const fields = {
  host: "BULKSMS_HOST",
  port: "BULKSMS_WEBAPI_PORT",
  redisUrl: "BULKSMS_REDIS_URL",
  secrets: "BULKSMS_RECEIPT_SECRETS",
} as const;
const seed = Number(process.env.TEST_SEED ?? Date.now() % 2 ** 31);
const good = { BULKSMS_REDIS_URL: "redis://127.0.0.1:6379", BULKSMS_RECEIPT_SECRETS: "one, two" };

const problemsOf = (environment: Record<string, string>) => {
  try {
    readConfig(environment, fields);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
};

test("values are typed, defaults filled in, and the result is frozen", () => {
  const config = readConfig({ ...good, BULKSMS_WEBAPI_PORT: "9000" }, fields);
  expect(config).toEqual({ host: "127.0.0.1", port: 9000, redisUrl: "redis://127.0.0.1:6379", secrets: ["one", "two"] });
  expect(Object.isFrozen(config)).toBe(true);
});

test("every problem is listed at once", () => {
  const problems = problemsOf({ BULKSMS_WEBAPI_PORT: "70000", BULKSMS_REDIS_URL: "http://x", BULKSMS_WEBAPI_PROT: "1" });
  expect(problems).toHaveLength(4);
  expect(problems.join("\n")).toMatch(/BULKSMS_WEBAPI_PROT: unknown setting, did you mean BULKSMS_WEBAPI_PORT\?/);
  expect(problems.join("\n")).toMatch(/BULKSMS_WEBAPI_PORT: "70000" is not a port/);
  expect(problems.join("\n")).toMatch(/BULKSMS_REDIS_URL: the value is not a redis:\/\/ address/);
  expect(problems.join("\n")).toMatch(/BULKSMS_RECEIPT_SECRETS: missing/);
});

test("a malformed secret is named, never shown", () => {
  expect(problemsOf({ ...good, BULKSMS_REDIS_URL: "hunter2" }).join()).not.toContain("hunter2");
});

test.each(["  ", "8000.5", "x", "-1", "70000"])("%j is no port", (text) => {
  expect(problemsOf({ ...good, BULKSMS_WEBAPI_PORT: text })).toHaveLength(1);
});

const numbers = Object.entries(settings).filter(([, { kind }]) => kind === "integer" || kind === "port") as [SettingName, Setting][];

test(`every whole number is decimal digits alone (seed ${seed})`, () => {
  const readAs = (name: SettingName, text: string): unknown => {
    try {
      return readConfig({ [name]: text }, { value: name }).value;
    } catch (error) {
      return (error as ConfigError).problems.join();
    }
  };
  expect(numbers.length).toBeGreaterThan(20);
  for (const [name, setting] of numbers) {
    const [min, max] = setting.kind === "integer" ? [setting.min, setting.max] : [0, 65_535];
    for (const text of ["1e3", " 5", "5 ", "+5", "-5", "0x10", "0b1", "5.0", "1_000", "1,000", "５", "5\n", "Infinity", "9".repeat(400)])
      expect(readAs(name, text), `${name}=${text}`).toMatch(new RegExp(`^${name}: `));
    fc.assert(
      fc.property(fc.integer({ min, max }), (value) => readAs(name, String(value)) === value),
      { seed, numRuns: randomRuns(5) },
    );
  }
});

test.each(["127.0.0.1", "0.0.0.0", "::", "::1", "[::1]", "fe80::1", "localhost", "salesapi", "bulk_sms-1.example.com"])(
  "%j may be listened on",
  (text) => {
    expect(readConfig({ BULKSMS_HOST: text }, { host: "BULKSMS_HOST" }).host).toBe(text);
  },
);

test.each(["999.1.1.1", "127.0.0.1.", "127.1", "1", "a b", " ::1", "::1::", "[127.0.0.1]", "http://x", "x:80", "-x", "a..b", "x\n"])(
  "%j is not an address to listen on, and its setting is named",
  (text) => {
    expect(() => readConfig({ BULKSMS_HOST: text }, { host: "BULKSMS_HOST" })).toThrow(
      /^BULKSMS_HOST: .* is not an IP address or a host name$/s,
    );
  },
);

test.each(["127.0.0.1:65536", "127.0.0.1:99999", "127.0.0.1:1e3", "127.0.0.1:", "127.0.0.1"])("%j is no address of rpc", (text) => {
  expect(() => readConfig({ BULKSMS_RPC_ADDRESS: text }, { address: "BULKSMS_RPC_ADDRESS" })).toThrow(/is not host:port/);
});

test.each(["fast", "-1", "0", "0.0", "1e9", "Infinity", "1,5"])(
  "%j is no speed of the simulator, and nothing else becomes a default",
  (text) => {
    expect(() => readConfig({ BULKSMS_SIMULATOR_SPEED: text }, { speed: "BULKSMS_SIMULATOR_SPEED" })).toThrow(
      /a number from 0.001 to 999999, or max/,
    );
  },
);

test.each(["max", "1", "0.5", "999999"])("%j is a speed of the simulator", (text) => {
  expect(readConfig({ BULKSMS_SIMULATOR_SPEED: text }, { speed: "BULKSMS_SIMULATOR_SPEED" }).speed).toBe(text);
});

test("an empty value counts as not given", () => {
  expect(readConfig({ ...good, BULKSMS_WEBAPI_PORT: "" }, fields).port).toBe(8000);
});

test("an optional setting may be absent, a required one may not", () => {
  expect(readConfig({}, { redisUrl: "BULKSMS_REDIS_URL" }, { optional: ["redisUrl"] }).redisUrl).toBeUndefined();
  expect(() => readConfig({}, { redisUrl: "BULKSMS_REDIS_URL" })).toThrow(ConfigError);
});

test("a listener beyond loopback refuses weak, empty and missing secrets", () => {
  const strong = "0123456789abcdef";
  expect(() => requireSafeListener("127.0.0.1", { BULKSMS_INTERNAL_TOKEN: "" })).not.toThrow();
  expect(() => requireSafeListener("0.0.0.0", { BULKSMS_INTERNAL_TOKEN: strong, BULKSMS_RECEIPT_SECRETS: [strong] })).not.toThrow();
  for (const weak of ["short", "", undefined, [], [strong, "short"]]) {
    expect(() => requireSafeListener("0.0.0.0", { BULKSMS_INTERNAL_TOKEN: weak })).toThrow(/BULKSMS_INTERNAL_TOKEN/);
  }
});

test.each(["whsec_", "whsec_!!!!!!!!!!!!!!!!", "whsec_AAAA", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS"])(
  "a receipt secret that says it is base64 and is none (%s) would be a key that anyone has, so it is refused",
  (secret) => {
    expect(problemsOf({ ...good, BULKSMS_RECEIPT_SECRETS: `good, ${secret}` })).toHaveLength(1);
    expect(problemsOf({ ...good, BULKSMS_RECEIPT_SECRETS: "good, whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" })).toEqual([]);
  },
);

test(`any environment is read or refused with its problems, a line each (seed ${seed})`, () => {
  const names = Object.keys(settings) as SettingName[];
  const all = Object.fromEntries(names.map((name) => [name, name]));
  const name = fc.oneof(
    fc.constantFrom(...names),
    fc.string().map((rest) => `BULKSMS_${rest}`),
    fc.constantFrom("__proto__", "PATH", "BULKSMS_"),
  );
  const value = fc.oneof(
    anyText({ maxLength: 20 }),
    fc.constantFrom("0", "-1", "1e3", "0x10", "Infinity", "NaN", "70000", "true", "http://x", "redis://", "\0", " "),
  );
  fc.assert(
    fc.property(fc.dictionary(name, value, { maxKeys: 6 }), (environment) => {
      try {
        const config = readConfig(environment, all, { optional: names });
        for (const [field, read] of Object.entries(config)) {
          expect(typeof read === "number" && !Number.isFinite(read), `${field} is ${String(read)}`).toBe(false);
        }
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigError);
        const { problems } = error as ConfigError;
        expect(problems.length).toBeGreaterThan(0);
        for (const problem of problems) expect(problem).toMatch(/^BULKSMS_/);
      }
    }),
    { seed, numRuns: randomRuns(60) },
  );
});

test("a name of an earlier release is refused with the name of this one", () => {
  for (const [old, now] of Object.entries(renamedSettings)) {
    expect(problemsOf({ ...good, [old]: "1" })).toEqual([`${old}: its name is now ${now}`]);
  }
});
