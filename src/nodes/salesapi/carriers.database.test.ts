// /carriers over HTTP: who may, what is kept and shown, states, and requests that make no sense.
import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { anyText } from "../../../testing/any_text.ts";
import { randomRuns } from "../../../testing/random_runs.ts";
import { type SalesNodes, startSalesNodes } from "../../../testing/sales_nodes.ts";
import { addSealKey, dropOldSealKeys, makeSealKeys, openFileSeal } from "../../platform/seal_keys.ts";

const seed = Number(process.env.TEST_SEED ?? Date.now() % 2 ** 31);
const password = "operator-password";
const smpp = { protocol: "smpp", host: "smpp.example", port: 2775, system_id: "oulu" };
const twilio = { protocol: "twilio", account_sid: `AC${"0".repeat(32)}` };

let nodes: SalesNodes;
let key: string;
let keysFile: string;
beforeAll(async () => {
  nodes = await startSalesNodes({ isWithoutWorker: true });
  ({ key } = await nodes.credit.makeWorkspace("100"));
  keysFile = nodes.environment.BULKSMS_CARRIER_KEYS as string;
});
afterAll(() => nodes?.stop());
beforeEach(async () => {
  await nodes.owner`truncate carrier, bulksms, bulksms_info, bulksms_chunk, bulksms_run cascade`;
});

const ask = (method: string, path: string, body?: unknown, who: string | null = nodes.credit.adminKey) =>
  nodes.http(method, path, { key: who, ...(body === undefined ? {} : { body }) });
const add = (fields: object = {}) => ask("POST", "/carriers", { name: "telia", settings: smpp, secret: password, ...fields });
const change = (fields: object, name = "telia") => ask("POST", `/carriers/${name}`, fields);
const list = async () => (await ask("GET", "/carriers")).body.carriers;
const stored = async () => nodes.owner`select id, name, state, version, sealed_secret as sealed, settings from carrier order by name`;
const secretOf = async () => {
  const [row] = await stored();
  return openFileSeal(keysFile).open(row?.sealed, row?.id);
};

/** A campaign on the carrier, in this state. */
async function campaignIn(status: string): Promise<void> {
  const id = await nodes.create(key, 1);
  await nodes.owner`update bulksms set status = ${status}::bulksms_status, hold_id = uuidv7(), carrier_id = (select id from carrier) where id = ${id}`;
}

describe("a carrier that is added", () => {
  it("is test_only, has every setting, and is shown without its secret", async () => {
    const lists = { senders: ["Oulu", "Oulu"], countries: ["SE"], test_phones: ["+358401234567"] };
    const { status, body } = await add(lists);
    expect(status).toBe(201);
    expect(body).toMatchObject({
      ...{ name: "telia", state: "test_only", simulated: null, version: 1, links: [], in_doubt: 0, receipts_waiting: 0, last_error: null },
      ...{ senders: ["Oulu"], countries: ["SE"], test_phones: ["+358401234567"] },
      settings: { ...smpp, window: 10, bind: "transceiver", tls: "off", receipt_ids: "exact" },
    });
    expect(await list()).toEqual([body]);
    expect(JSON.stringify(body)).not.toContain(password);
    expect(JSON.stringify(await stored())).not.toContain(password);
    expect(await secretOf()).toBe(password);
  });

  it("has the name of no other, nor of the simulator", async () => {
    expect((await add()).status).toBe(201);
    for (const name of ["telia", "simulator"]) {
      const refused = await add({ name, settings: twilio });
      expect([refused.status, refused.body.code], name).toEqual([409, "carrier_name_taken"]);
    }
    expect((await stored()).map(({ settings }) => settings.protocol)).toEqual(["smpp"]);
  });

  it("is added once by several who do it at once", async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => add()));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(7).fill(409)]);
  });

  it("waits for the key file, and says where it should be", async () => {
    rmSync(keysFile);
    const { status, body } = await add();
    expect([status, body.code]).toEqual([503, "carrier_keys_unreadable"]);
    expect(body.detail).toContain("BULKSMS_CARRIER_KEYS");
    makeSealKeys(keysFile);
    expect((await add()).status).toBe(201);
  });

  it("shows its links, what is in doubt and receipts that wait", async () => {
    await add({ settings: { ...smpp, links: 3 } });
    await nodes.create(key, 3);
    const [carrier] = await stored();
    const [later, earlier] = ["2100-01-01T00:00:00.000Z", "2020-01-01T00:00:00.000Z"];
    await nodes.owner`insert into carrier_link (carrier_id, slot, state, description, open_after) values (${carrier?.id}, 2, 'resting', 'throttled', ${later}),
      (${carrier?.id}, 1, 'bound', 'SMSC', ${later}), (${carrier?.id}, 3, 'over', 'refused', ${earlier}), (${carrier?.id}, 4, 'over', 'of before', ${later})`;
    await nodes.owner`update bulksms_info set status = 'unknown' where row_no < 3`;
    // the same message twice in doubt is one, and one that is resolved is none
    for (const rows of [[1, 2, 3], [2]]) {
      const [event] = await nodes.owner`
        insert into doubt_event (carrier_id, slot, kind, bound) values (${carrier?.id}, 1, 'cut', 10) returning id`;
      await nodes.owner`insert into doubt_message (bulksms_id, row_no, event_id, intended_at)
        select bulksms_id, row_no, ${event?.id}, now() from bulksms_info where row_no in ${nodes.owner(rows)}`;
    }
    await nodes.owner`insert into receipt_waiting (carrier_id, their_id, status, body) values (${carrier?.id}, '7', 'delivered', '')`;
    expect(await list()).toMatchObject([
      {
        in_doubt: 2,
        receipts_waiting: 1,
        links: [
          { slot: 1, state: "bound", description: "SMSC", changed_at: expect.stringMatching(/^2.*Z$/), waits_until: null },
          { slot: 2, state: "resting", description: "throttled", waits_until: later },
          { slot: 3, state: "over", description: "refused", waits_until: null },
        ],
      },
    ]);
  });
});

describe("a change", () => {
  beforeEach(async () => {
    await add({ senders: ["Oulu"], test_phones: ["+358401234567"] });
  });

  it("adds and removes entries of its lists, sets limits, and raises the version; the same again does not", async () => {
    const wish = {
      senders: { add: ["Turku"], remove: ["Oulu"] },
      countries: { add: ["SE", "SE"] },
      test_phones: { add: ["+46701740610"], remove: ["+358401234567"] },
      limits: { window: 50, links: 2 },
      state: "live",
    };
    for (let count = 0; count < 2; count++) {
      const { status, body } = await change(wish);
      expect(status).toBe(200);
      expect(body).toMatchObject({
        ...{ senders: ["Turku"], countries: ["SE"], test_phones: ["+46701740610"], state: "live", version: 2 },
        settings: { ...smpp, window: 50, links: 2, parts_per_second: 10 },
      });
      expect(await list()).toEqual([body]);
    }
  });

  it("of the rule for receipts' ids takes back what was proposed, and ends a rest", async () => {
    await nodes.owner`update carrier set proposed_receipt_ids = 'hex_to_dec', rests_until = now() + interval '1 hour', rest_reason = 'throttled'`;
    expect((await list())[0]).toMatchObject({
      proposed_receipt_ids: "hex_to_dec",
      rests: { until: expect.any(String), reason: "throttled" },
    });
    const { body } = await change({ receipt_ids: "hex_to_dec" });
    expect(body).toMatchObject({ settings: { receipt_ids: "hex_to_dec" }, proposed_receipt_ids: null, rests: null, version: 2 });
    await add({ name: "twilio", settings: twilio });
    expect((await change({ receipt_ids: "lower" }, "twilio")).body.code).toBe("request_invalid");
  });

  it("of its secret opens links anew; sealing it anew does not", async () => {
    expect((await change({ secret: "another" })).body.version).toBe(2);
    expect(await secretOf()).toBe("another");
    addSealKey(keysFile);
    expect((await change({ reseal: true })).body.version).toBe(2);
    dropOldSealKeys(keysFile);
    expect(await secretOf()).toBe("another");
  });

  it("with a secret that cannot be opened says so and changes nothing", async () => {
    rmSync(keysFile);
    makeSealKeys(keysFile);
    const before = await stored();
    const { status, body } = await change({ reseal: true, state: "live" });
    expect([status, body.code]).toEqual([503, "carrier_keys_unreadable"]);
    expect(await stored()).toEqual(before);
    expect((await change({ secret: "another" })).status).toBe(200);
    expect(await secretOf()).toBe("another");
  });

  it("to removed hides it; its name is free again unless a campaign refers to it", async () => {
    expect((await change({ state: "removed" })).body.state).toBe("removed");
    expect(await list()).toEqual([]);
    expect((await change({ state: "live" })).body.code).toBe("carrier_not_found");
    const [before] = await stored();
    expect((await add({ secret: "second" })).body).toMatchObject({ state: "test_only", senders: [], version: 3 });
    expect((await stored())[0]?.id).toBe(before?.id);
    expect(await secretOf()).toBe("second");
    await campaignIn("finished");
    expect((await change({ state: "removed" })).status).toBe(200);
    expect((await add()).body.code).toBe("carrier_name_taken");
  });

  it.each(["reserving", "running", "paused", "canceling"])("to removed or test_only waits for a campaign that is %s", async (status) => {
    await change({ state: "live" });
    await campaignIn(status);
    for (const from of ["live", "paused"]) {
      expect((await change({ state: from })).status, from).toBe(200);
      for (const state of ["removed", "test_only"]) {
        const refused = await change({ state, senders: { add: ["Turku"] } });
        expect([refused.status, refused.body.code, refused.body.campaigns], `${from} to ${state}`).toEqual([409, "carrier_busy", 1]);
      }
      expect(await list()).toMatchObject([{ state: from, senders: ["Oulu"] }]);
    }
  });

  it.each(["ready", "settling", "finished", "canceled"])("to removed does not wait for a campaign that is %s", async (status) => {
    await campaignIn(status);
    expect((await change({ state: "removed" })).status).toBe(200);
  });

  it("of two lists at once by many loses none of them", async () => {
    const senders = Array.from({ length: 12 }, (_, at) => `Sender ${at}`);
    await Promise.all(senders.map((sender) => change({ senders: { add: [sender] } })));
    const [carrier] = await list();
    expect([...carrier.senders].sort()).toEqual(["Oulu", ...senders].sort());
    expect(carrier.version).toBe(13);
  });
});

describe("what a campaign may be sent through", () => {
  const choices = (who: string | null = key) => ask("GET", "/carriers/choices", undefined, who);

  it("is the simulator and whatever is live or tested, with its senders and destinations and nothing of its account", async () => {
    await add({ senders: ["Oulu", "Turku"], countries: ["SE", "FI"], test_phones: ["+358401234567"] });
    await add({ name: "elisa" });
    await add({ name: "played", settings: twilio });
    await add({ name: "idle" });
    await add({ name: "gone" });
    await nodes.owner`update carrier set is_simulated = true, last_error = 'refused: wrong password' where name = 'played'`;
    for (const [name, state] of [
      ["telia", "live"],
      ["idle", "paused"],
      ["gone", "removed"],
    ] as const)
      await change({ state }, name);
    const { status, body } = await choices();
    expect(status).toBe(200);
    expect(body).toEqual({
      default: "simulator",
      carriers: [
        { name: "simulator", simulated: true, state: "live", senders: null, countries: null },
        { name: "elisa", simulated: false, state: "test_only", senders: [], countries: ["FI"] },
        { name: "played", simulated: true, state: "test_only", senders: null, countries: null },
        { name: "telia", simulated: false, state: "live", senders: ["Oulu", "Turku"], countries: ["FI", "SE"] },
      ],
    });
  });

  it("is shown to those who may send, in their workspace", async () => {
    const { id } = await nodes.credit.makeWorkspace();
    const keyOf = async (scopes: string[]) =>
      (await nodes.credit.http("POST", "/keys", { body: { name: "one", scopes, workspace_id: id } })).body.key as string;
    expect((await choices(await keyOf(["send"]))).status).toBe(200);
    expect((await choices(await keyOf(["admin"]))).status).toBe(200);
    for (const [who, status, code] of [
      [await keyOf(["read"]), 403, "scope_missing"],
      [nodes.credit.adminKey, 403, "scope_missing"],
      ["bk_no", 401, "key_invalid"],
      [null, 401, "key_missing"],
    ] as const) {
      const refused = await choices(who);
      expect([refused.status, refused.body.code]).toEqual([status, code]);
    }
  });

  it("is no carrier to change, nor in the way of one that is called like it", async () => {
    await add({ name: "choices" });
    expect((await choices()).body.carriers).toHaveLength(2);
    expect((await ask("POST", "/carriers/choices", { state: "live" }, key)).status).toBe(403);
  });
});

describe("nobody", () => {
  it.each([
    ["without a key", () => null, 401],
    ["with an unknown key", () => "bk_no", 401],
    ["with the key of a workspace", () => key, 403],
  ])("%s sees or changes a carrier", async (_, who, status) => {
    await add();
    for (const [method, path, body] of [
      ["GET", "/carriers"],
      ["POST", "/carriers", { name: "other", settings: smpp, secret: password }],
      ["POST", "/carriers/telia", { state: "live" }],
    ] as const) {
      expect((await ask(method, path, body, who())).status, path).toBe(status);
    }
    expect(await stored()).toMatchObject([{ name: "telia", state: "test_only" }]);
  });

  it("with an admin key of a workspace does either", async () => {
    const { id } = await nodes.credit.makeWorkspace();
    const made = await nodes.credit.http("POST", "/keys", { body: { name: "admin", scopes: ["admin"], workspace_id: id } });
    const refused = await ask("GET", "/carriers", undefined, made.body.key);
    expect([refused.status, refused.body.code]).toEqual([403, "scope_missing"]);
  });
});

describe("nonsense", () => {
  const valid = { name: "telia", settings: smpp, secret: password };
  it.each<[string, object]>([
    ["no name", { name: undefined }],
    ["a name of capital letters", { name: "Telia" }],
    ["a name of 41 characters", { name: "a".repeat(41) }],
    ["a name with a path", { name: "../x" }],
    ["no secret", { secret: undefined }],
    ["an empty secret", { secret: "" }],
    ["a secret with a NUL", { secret: "a\0b" }],
    ["a secret of letters that SMPP cannot write", { secret: "pässi" }],
    ["a secret of 129 characters", { secret: "x".repeat(129) }],
    ["another protocol", { settings: { ...smpp, protocol: "ucp" } }],
    ["the built-in protocol", { settings: { protocol: "simulator" } }],
    ["fields of the other protocol", { settings: { ...smpp, account_sid: "AC" } }],
    ["port 0", { settings: { ...smpp, port: 0 } }],
    ["port 65536", { settings: { ...smpp, port: 65_536 } }],
    ["a port in words", { settings: { ...smpp, port: "2775" } }],
    ["a system_id of 16 characters", { settings: { ...smpp, system_id: "x".repeat(16) } }],
    ["window 0", { settings: { ...smpp, window: 0 } }],
    ["window 1,001", { settings: { ...smpp, window: 1_001 } }],
    ["a rate of none", { settings: { ...smpp, parts_per_second: 0 } }],
    ["a rate that is no number", { settings: { ...smpp, parts_per_second: null } }],
    ["a status that means nothing", { settings: { ...smpp, statuses: { 88: "maybe" } } }],
    ["no address of Twilio", { settings: { ...twilio, url: "twilio" } }],
    ["a country without receipts that is none", { settings: { ...smpp, countries_without_receipts: ["XX"] } }],
    ["a charge by receipts that never come", { settings: { ...twilio, receipts: "none", charge_on: "sent_receipt" } }],
    [
      "a charge by receipts that come from some countries alone",
      { settings: { ...smpp, charge_on: "sent_receipt", countries_without_receipts: ["IN"] } },
    ],
    ["a country that is none", { countries: ["XX"] }],
    ["a country of three letters", { countries: ["FIN"] }],
    ["a sender of 12 letters", { senders: ["abcdefghijkl"] }],
    ["an empty sender", { senders: [""] }],
    ["a phone without its country", { test_phones: ["0401234567"] }],
    ["a phone of 16 digits", { test_phones: [`+${"1".repeat(16)}`] }],
    ["1,001 phones", { test_phones: Array.from({ length: 1_001 }, (_, at) => `+35840${1_000_000 + at}`) }],
    ["a field that there is not", { live: true }],
    ["a state, which it begins without", { state: "live" }],
  ])("%s is refused without effect", async (_, fields) => {
    const { status, body } = await ask("POST", "/carriers", { ...valid, ...fields });
    expect([400, 422], body.detail).toContain(status);
    expect(["request_invalid", "field_unknown"]).toContain(body.code);
    expect(body.detail).not.toContain(password);
    expect(await stored()).toEqual([]);
  });

  it.each<[string, object]>([
    ["a state that there is not", { state: "up" }],
    ["limits of another kind", { limits: { host: "x" } }],
    ["a limit of null", { limits: { window: null } }],
    ["a list instead of what to add", { senders: ["Oulu"] }],
    ["a sender that is too long", { senders: { add: ["abcdefghijkl"] } }],
    ["a country that is none", { countries: { add: ["XX"] } }],
    ["a phone in words", { test_phones: { add: ["mine"] } }],
    ["settings as a whole", { settings: smpp }],
    ["a rule for ids that there is not", { receipt_ids: "upper" }],
    ["another name", { name: "elisa" }],
    ["not to seal", { reseal: false }],
  ])("a change with %s is refused without effect", async (_, fields) => {
    await add();
    const before = await stored();
    const { status } = await change(fields);
    expect([400, 422]).toContain(status);
    expect(await stored()).toEqual(before);
  });

  it("more entries than a carrier has is refused, however they come", async () => {
    await add({ test_phones: Array.from({ length: 1_000 }, (_, at) => `+35840${1_000_000 + at}`) });
    expect((await change({ test_phones: { add: ["+46701740610"] } })).body.code).toBe("request_invalid");
    expect((await list())[0].test_phones).toHaveLength(1_000);
  });

  it.each(["nobody", "TELIA", "__proto__", "%00", "..%2ftelia", "a".repeat(300)])("a carrier %s is not found", async (name) => {
    await add();
    const { status, body } = await change({ state: "live" }, name);
    expect([status, body.code].join(" ")).toMatch(/^(404 carrier_not_found|404 not_found|400 request_invalid|414 .*)$/);
  });

  it(`any JSON is answered below 500, and changes nothing (seed ${seed})`, async () => {
    await add();
    const before = await stored();
    const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), anyText({ maxLength: 40 }));
    const fields = ["name", "settings", "secret", "senders", "countries", "test_phones", "state", "limits"];
    // a text may well be a new password
    const odd = fc
      .dictionary(fc.oneof(fc.constantFrom(...fields), anyText({ maxLength: 10 })), value, { maxKeys: 4 })
      .filter(({ secret }) => typeof secret !== "string");
    for (const body of fc.sample(fc.oneof(odd, fc.jsonValue({ maxDepth: 3 })), { seed, numRuns: randomRuns(80) })) {
      for (const path of ["/carriers", "/carriers/telia"]) {
        const { status } = await ask("POST", path, body);
        const isEmptyChange = status === 200 && path !== "/carriers";
        expect(status >= 400 && status < 500 ? "refused" : isEmptyChange ? "refused" : status, JSON.stringify(body)).toBe("refused");
      }
    }
    expect(await stored()).toEqual(before);
  });
});

describe("a campaign's carrier, changed before it runs", () => {
  const choose = (body: unknown, who: string | null = key) => nodes.http("POST", "/carrier", { key: who, body });

  it("is in its answer, with what it costs then", async () => {
    await add({ senders: ["Oulu"], test_phones: ["+358400000001"] });
    await change({ state: "live" });
    const id = await nodes.create(key, 3);
    const refused = await choose({ bulksms_id: id, carrier: "telia" });
    expect([refused.status, refused.body.code]).toEqual([403, "sender_not_allowed"]);
    const changed = await choose({ id, carrier: "telia", sender: "Oulu" });
    expect(changed.status).toBe(202);
    expect(changed.body).toMatchObject({ id, status: "ready", contacts: 3, carrier: { name: "telia", simulated: false } });
    expect((await nodes.http("GET", `/bulksms/${id}`, { key })).body).toMatchObject({ sender: "Oulu", carrier: { name: "telia" } });
  });

  it.each<[string, object, number, string]>([
    ["no campaign", { carrier: "simulator" }, 400, "request_invalid"],
    ["no carrier", { bulksms_id: randomUUID() }, 400, "request_invalid"],
    ["a field too many", { bulksms_id: randomUUID(), carrier: "simulator", state: "live" }, 422, "field_unknown"],
    ["a carrier's name with a NUL", { bulksms_id: randomUUID(), carrier: "te\0lia" }, 400, "request_invalid"],
    ["a campaign that is not there", { bulksms_id: randomUUID(), carrier: "simulator" }, 404, "bulksms_not_found"],
    ["a sender of 12 letters", { bulksms_id: randomUUID(), carrier: "simulator", sender: "abcdefghijkl" }, 422, "sender_invalid"],
  ])("is refused for %s", async (_says, body, status, code) => {
    const refused = await choose(body);
    expect([refused.status, refused.body.code]).toEqual([status, code]);
  });

  it("is refused without a key, and for a carrier that is not there", async () => {
    const id = await nodes.create(key, 1);
    expect((await choose({ bulksms_id: id, carrier: "simulator" }, null)).status).toBe(401);
    expect((await choose({ bulksms_id: id, carrier: "gone" })).body.code).toBe("carrier_not_found");
    expect((await choose({ bulksms_id: id, carrier: "simulator" })).status).toBe(202);
  });
});
