// Carriers of a cluster whose endpoint is the cluster's own simulator, in its other dialects.
import { randomBytes } from "node:crypto";
import type { CarriersAnswer, InstalledCarrier } from "../src/contracts/carriers.ts";
import { freePort } from "../src/local/engines/free_port.ts";
import { askHttp, bodyOf } from "./api_client.ts";
import type { Cluster } from "./cluster.ts";
import { waitFor } from "./wait_for.ts";

type CarrierCluster = Pick<Cluster, "urls" | "adminKey" | "settings">;

export const smppPassword = "secret";
export const twilioToken = "0123456789abcdef";

/** Settings of a simulator that speaks SMPP and Twilio's API to these accounts. */
export async function dialectSettings(systemIds: readonly string[], accountSids: readonly string[] = []) {
  return {
    BULKSMS_SIMULATOR_SMPP_PORT: String(await freePort("127.0.0.1", 0)),
    BULKSMS_SIMULATOR_SMPP_ACCOUNTS: systemIds.map((systemId) => `${systemId}:${smppPassword}`).join(","),
    BULKSMS_SIMULATOR_TWILIO_ACCOUNTS: accountSids.map((sid) => `${sid}:${twilioToken}`).join(","),
  };
}

/** A live carrier, ready once its endpoint has answered as our simulator. */
export async function addCarrier(
  cluster: CarrierCluster,
  name: string,
  settings: Record<string, unknown>,
  secret: string,
): Promise<InstalledCarrier> {
  const ask = <T>(method: string, path: string, body?: unknown) =>
    askHttp<T>(method, `${cluster.urls.salesapi}${path}`, { key: cluster.adminKey, ...(body === undefined ? {} : { body }) });
  bodyOf(await ask<InstalledCarrier>("POST", "/carriers", { name, settings, secret }));
  bodyOf(await ask<InstalledCarrier>("POST", `/carriers/${name}`, { state: "live" }));
  return waitFor(`${name} to answer as our simulator`, async () => {
    const { carriers } = bodyOf(await ask<CarriersAnswer>("GET", "/carriers"));
    const carrier = carriers.find((one) => one.name === name);
    if (carrier?.simulated !== true) throw new Error(JSON.stringify(carrier));
    return carrier;
  });
}

/** An SMPP carrier before the cluster's simulator. */
export const addSmppCarrier = (cluster: CarrierCluster, systemId: string, more: Record<string, unknown> = {}): Promise<InstalledCarrier> =>
  addCarrier(
    cluster,
    `smpp-${systemId}`,
    {
      protocol: "smpp",
      host: "127.0.0.1",
      port: Number(cluster.settings.BULKSMS_SIMULATOR_SMPP_PORT),
      system_id: systemId,
      parts_per_second: 5_000,
      ...more,
    },
    smppPassword,
  );

/** A Twilio carrier before the cluster's simulator, whose receipts reach us. */
export const addTwilioCarrier = (
  cluster: CarrierCluster,
  accountSid: string,
  more: Record<string, unknown> = {},
): Promise<InstalledCarrier> => {
  const name = `twilio-${accountSid.slice(-4)}`;
  return addCarrier(
    cluster,
    name,
    {
      protocol: "twilio",
      url: cluster.urls.simulator,
      account_sid: accountSid,
      receipts_url: `${cluster.urls.salesapi}/receipts/twilio/${name}`,
      parts_per_second: 5_000,
      ...more,
    },
    twilioToken,
  );
};

export const newAccountSid = (): string => `AC${randomBytes(16).toString("hex")}`;
