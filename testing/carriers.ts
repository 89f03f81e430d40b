// Carriers of a cluster whose endpoint is the cluster's own simulator, in its other dialects.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type CarrierSettings, carrierSettings } from "../src/contracts/carriers.ts";
import { carrierKeysFile } from "../src/local/data_folder.ts";
import { freePort } from "../src/local/engines/free_port.ts";
import { openPostgres } from "../src/platform/postgres.ts";
import { openFileSeal } from "../src/platform/seal_keys.ts";
import type { Cluster } from "./cluster.ts";
import { waitFor } from "./wait_for.ts";

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

export interface AddedCarrier {
  carrierId: string;
  name: string;
}

/** A live carrier, as `bulksms carriers add` and `live` make one; ready once its endpoint answered. */
export async function addCarrier(cluster: Cluster, name: string, given: Record<string, unknown>, secret: string): Promise<AddedCarrier> {
  const settings: CarrierSettings = carrierSettings.parse(given);
  const sql = openPostgres(cluster.settings.BULKSMS_SALESAPI_DATABASE_URL ?? "", { applicationName: "test", connections: 1 });
  try {
    const [drawn] = await sql<{ id: string }[]>`select uuidv7() as id`;
    const carrierId = drawn?.id as string;
    const sealed = openFileSeal(join(cluster.dataFolder, carrierKeysFile)).seal(secret, carrierId);
    await sql`insert into carrier (id, name, settings, sealed_secret, state) values (${carrierId}, ${name}, ${sql.json(settings)}, ${sealed}, 'live')`;
    await waitFor(`${name} to answer as our simulator`, async () => {
      const [row] = await sql<{ isSimulated: boolean | null }[]>`select is_simulated as "isSimulated" from carrier where id = ${carrierId}`;
      return row?.isSimulated === true;
    });
    return { carrierId, name };
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** An SMPP carrier before the cluster's simulator. */
export const addSmppCarrier = (cluster: Cluster, systemId: string, more: Record<string, unknown> = {}): Promise<AddedCarrier> =>
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

export const newAccountSid = (): string => `AC${randomBytes(16).toString("hex")}`;
