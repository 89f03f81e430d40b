import { expect, test } from "vitest";
import { ConfigError } from "./config.ts";
import { requireOwnAddress, withoutBrackets } from "./own_address.ts";

test("loopback and the address of everywhere are this machine's", async () => {
  for (const host of ["127.0.0.1", "0.0.0.0", "localhost"]) await requireOwnAddress(host);
});

// 192.0.2.0/24 and .invalid are reserved: RFC 5737, RFC 6761
test.each(["999.1.1.1", "not a host", "192.0.2.1", "no-such-host.invalid"])("%s is not, and the setting is named", async (host) => {
  const error = await requireOwnAddress(host).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ConfigError);
  expect((error as ConfigError).problems).toEqual([expect.stringMatching(new RegExp(`^BULKSMS_HOST: "${host}" is not `))]);
});

test("an IPv6 address loses its brackets, and nothing else changes", () => {
  expect(["[::1]", "::1", "localhost"].map(withoutBrackets)).toEqual(["::1", "::1", "localhost"]);
});
