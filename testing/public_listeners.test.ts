// Processes told to listen beyond loopback: none listens with a weak secret.
import { expect, test } from "vitest";
import * as rpc from "../src/nodes/rpc/main.ts";
import * as salesapi from "../src/nodes/salesapi/main.ts";
import * as webapi from "../src/nodes/webapi/main.ts";
import { ConfigError } from "../src/platform/config.ts";

const strong = "a-secret-of-32-characters-or-more";
const environment = {
  BULKSMS_HOST: "0.0.0.0",
  BULKSMS_REDIS_URL: "redis://127.0.0.1",
  BULKSMS_WEBAPI_DATABASE_URL: "postgres://127.0.0.1/ds",
  BULKSMS_RPC_DATABASE_URL: "postgres://127.0.0.1/ds",
  BULKSMS_SALESAPI_DATABASE_URL: "postgres://127.0.0.1/salesdb",
  BULKSMS_INTERNAL_TOKEN: strong,
  BULKSMS_RECEIPT_SECRETS: strong,
};

test.each([
  ["webapi", "BULKSMS_INTERNAL_TOKEN", webapi],
  ["rpc", "BULKSMS_INTERNAL_TOKEN", rpc],
  ["salesapi", "BULKSMS_INTERNAL_TOKEN", salesapi],
  ["salesapi", "BULKSMS_RECEIPT_SECRETS", salesapi],
] as const)("%s refuses to start with a weak %s", (_name, secret, node) => {
  expect(node.readNodeConfig(environment).host).toBe("0.0.0.0");
  const weak = { ...environment, [secret]: "weak" };
  expect(() => node.readNodeConfig(weak)).toThrow(ConfigError);
  expect(() => node.readNodeConfig(weak)).toThrow(new RegExp(secret));
  expect(() => node.readNodeConfig({ ...weak, BULKSMS_HOST: "127.0.0.1" })).not.toThrow();
});
