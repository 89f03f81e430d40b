// The carrier of a campaign, before anything is written: who may be texted through it, and from
// which sender.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSalesRows, type SalesRows } from "../../../testing/sales_rows.ts";
import { isExampleFile } from "../../contacts/example_files.ts";
import { chooseCarrier, listCarrierChoices, refuseExampleFile } from "./chosen_carrier.ts";

let rows: SalesRows;
const defaults = { defaultCarrier: "simulator", defaultCountry: "FI" };
const wish = (carrierName: string | null, sender?: string) => ({
  carrierName,
  sender: sender ?? "bulksms",
  isSenderNamed: sender !== undefined,
});

beforeAll(async () => {
  rows = await openSalesRows("salesapi");
  const insert = (carrier: Record<string, unknown>) =>
    rows.owner`insert into carrier ${rows.owner({ settings: rows.owner.json({ protocol: "smpp", window: 10 }), sealed_secret: Buffer.from([0]), ...carrier })}`;
  await insert({ name: "telia", state: "live", senders: ["Oulu", "+35840123"], countries: ["SE"] });
  await insert({ name: "tested", senders: ["Oulu"], test_phones: ["358401234567"] });
  await insert({ name: "gone", state: "removed" });
  await insert({ name: "idle", state: "paused", senders: ["Oulu"] });
  await insert({ name: "played", state: "live", is_simulated: true });
});
afterAll(async () => {
  await rows?.close();
});

describe("a campaign's carrier", () => {
  it("is the installation's default unless it is named, and the simulator limits nothing", async () => {
    const simulator = { carrierId: null, name: "simulator", isSimulated: true, destinations: null };
    expect(await chooseCarrier(rows.sql, wish(null), defaults)).toEqual(simulator);
    expect(await chooseCarrier(rows.sql, wish("simulator"), { ...defaults, defaultCarrier: "telia" })).toEqual(simulator);
    expect(await chooseCarrier(rows.sql, wish(null, "Oulu"), { ...defaults, defaultCarrier: "telia" })).toMatchObject({ name: "telia" });
    expect(await chooseCarrier(rows.sql, wish("played"), defaults)).toMatchObject({ isSimulated: true, destinations: null });
  });

  it("that is real takes the installation's country and those that it allows; a tested one its test phones", async () => {
    const live = await chooseCarrier(rows.sql, wish("telia", "Oulu"), defaults);
    expect(live.destinations).toEqual({ countries: new Set(["FI", "SE"]), phones: null });
    const tested = await chooseCarrier(rows.sql, wish("tested", "Oulu"), defaults);
    expect(tested.destinations).toEqual({ countries: new Set(["FI"]), phones: new Set([358401234567]) });
  });

  it("that does not exist, or was removed, is refused by name", async () => {
    for (const name of ["nobody", "gone", "x".repeat(300)])
      await expect(chooseCarrier(rows.sql, wish(name, "Oulu"), defaults)).rejects.toMatchObject({ code: "carrier_not_found" });
  });

  it("that is real needs a sender of its list, and has no default", async () => {
    for (const sender of [undefined, "bulksms", "oulu", "+35840124"])
      await expect(chooseCarrier(rows.sql, wish("telia", sender), defaults)).rejects.toMatchObject({
        code: "sender_not_allowed",
        details: { carrier: "telia", senders: ["Oulu", "+35840123"] },
      });
  });

  it("is one of the choices, with the limits that it will have; one that is paused is none, even as the default", async () => {
    const { carriers, default: usual } = await listCarrierChoices(rows.sql, { ...defaults, defaultCarrier: "idle" });
    expect(usual).toBe("idle");
    expect(carriers.map(({ name }) => name)).toEqual(["simulator", "played", "telia", "tested"]);
    for (const { name, simulated, senders, countries } of carriers) {
      const chosen = await chooseCarrier(rows.sql, wish(name, senders?.[0] ?? "bulksms"), defaults);
      expect([chosen.isSimulated, chosen.destinations?.countries ?? null], name).toEqual([simulated, countries && new Set(countries)]);
      const refused = chooseCarrier(rows.sql, wish(name, "Nobody"), defaults);
      await (senders === null ? expect(refused).resolves : expect(refused).rejects).toBeDefined();
    }
  });

  it("that is real refuses the files of the examples, byte for byte", () => {
    const example = "72d8a300581f4089e4790d32bf457b675a5966899ef6fb8ea1d809bad652012e";
    const real = { carrierId: "1", name: "telia", isSimulated: false, destinations: null };
    for (const isExample of [isExampleFile(example), null]) {
      expect(() => refuseExampleFile(real, isExample)).toThrow(/examples/);
      expect(() => refuseExampleFile({ ...real, isSimulated: true }, isExample)).not.toThrow();
    }
    expect(() => refuseExampleFile(real, isExampleFile(example.replace("7", "8")))).not.toThrow();
  });
});
