// Our own link over SMPP against the simulator's listener: what operators' letters say, each with
// the quirks that it names.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { type LinkWatch, watchLink } from "../../../testing/link_watch.ts";
import { findPeer } from "../../../testing/peers.ts";
import { smppAccount, startTestSimulator, type TestSimulator } from "../../../testing/simulator_node.ts";
import { silentLog, smppSettingsFor } from "../../../testing/smpp_links.ts";
import { waitFor } from "../../../testing/wait_for.ts";
import type { CarrierLink } from "../../carriers/link.ts";
import { openSmppLink } from "../../carriers/smpp/smpp_link.ts";
import type { SmppSettings } from "../../contracts/carriers.ts";
import { simulatorSystemId } from "../../contracts/simulator_accounts.ts";

const { systemId, password } = smppAccount;
const account = `smpp:${systemId}`;
const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function simulate(changes: Record<string, string> = {}): Promise<TestSimulator> {
  const simulator = await startTestSimulator(changes);
  stops.push(() => simulator.stop());
  return simulator;
}

async function open(port: number, fields: Partial<SmppSettings> = {}): Promise<{ link: CarrierLink; watch: LinkWatch }> {
  const watch = watchLink();
  const settings = smppSettingsFor(port, { system_id: systemId, ...fields });
  const link = openSmppLink({ settings, password, log: silentLog }, watch.events);
  stops.push(() => link.close(0));
  await watch.until(() => watch.states.some(({ kind }) => kind === "bound" || kind === "over"));
  await waitFor("the first second of the rate", () => link.capacity() > 0);
  return { link, watch };
}

/** Accepted ids and ids of final receipts, in the order of the ids. */
async function idsOf(
  { link, watch }: { link: CarrierLink; watch: LinkWatch },
  texts: readonly string[],
): Promise<{ accepted: string[]; reported: string[] }> {
  const messages = texts.map((text, index) => ({
    ...{ key: index + 1, reference: `r.${index}`, phone: "46701740610", sender: "Oulu", text, validUntilMs: Date.now() + 600_000 },
  }));
  link.submit(messages, watch.onOutcome);
  await watch.until(() => watch.outcomes.size === texts.length);
  const accepted = [...watch.outcomes.values()].flatMap(([outcome]) => (outcome?.kind === "accepted" ? outcome.ids : [])).sort();
  await watch.until(() => watch.receipts.length === accepted.length);
  expect(watch.receipts.every(({ status, phone }) => status === "delivered" && phone === "46701740610")).toBe(true);
  return { accepted, reported: watch.receipts.map(({ theirId }) => theirId).sort() };
}

const texts = ["Hello", "Grüße @ Oulu", "Привет", "A long text. ".repeat(30)];

describe("receipts name the ids of answers", () => {
  test.each([
    ["transceiver, header", {}, {}, {}],
    ["payload", { long_text: "payload" }, {}, {}],
    ["SAR", { long_text: "sar" }, {}, {}],
    [
      "transmitter and receiver, Latin-1, hex ids",
      { bind: "transmitter_and_receiver", alphabet: "latin1", answer_ids: "hex_to_dec" },
      { BULKSMS_SIMULATOR_SMPP_ALPHABET: "latin1" },
      { hex_ids: true },
    ],
    ["no text in receipts", {}, {}, { tlv_only: true }],
    ["no counts in receipts, and receipts before answers", {}, {}, { no_sub_dlvrd: true, early: { share: 1 } }],
  ] as const)("%s", async (_name, fields, settings, weather) => {
    const simulator = await simulate(settings as Record<string, string>);
    await simulator.setWeather({ accounts: { [account]: weather } });
    const opened = await open(simulator.smppPort, fields as Partial<SmppSettings>);
    expect(opened.watch.states.at(-1)).toEqual({ kind: "bound", peer: simulatorSystemId });
    const { accepted, reported } = await idsOf(opened, texts);
    expect(accepted.length).toBe("long_text" in fields && fields.long_text === "payload" ? 4 : 6);
    expect(reported).toEqual(accepted);
    await opened.link.close();
    expect(await opened.link.ended).toMatchObject({ reason: "closed" });
  });

  test("over TLS whose certificate is verified", async ({ skip }) => {
    if (findPeer("openssl") === null) skip("openssl is not installed");
    const folder = mkdtempSync(join(tmpdir(), "bulksms-tls-"));
    stops.push(() => rmSync(folder, { recursive: true, force: true }));
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const subject = ["-subj", "/CN=smpp.example", "-addext", "subjectAltName=DNS:smpp.example"];
    execFileSync(
      "openssl",
      [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        ...subject,
        "-keyout",
        key,
        "-out",
        cert,
      ],
      { stdio: "ignore" },
    );
    const simulator = await simulate({ BULKSMS_SIMULATOR_SMPP_TLS_CERT: cert, BULKSMS_SIMULATOR_SMPP_TLS_KEY: key });
    const tls = { tls: "verify", tls_name: "smpp.example", tls_ca: readFileSync(cert, "utf8") } as const;
    const opened = await open(simulator.smppPort, tls);
    const { accepted, reported } = await idsOf(opened, ["Hello"]);
    expect(reported).toEqual(accepted);
    const wrong = watchLink();
    const refused = openSmppLink(
      {
        settings: smppSettingsFor(simulator.smppPort, { system_id: systemId, ...tls, tls_name: "another.example" }),
        password,
        log: silentLog,
      },
      wrong.events,
    );
    expect((await refused.ended).reason).not.toBe("closed");
  });
});

test("never more is in flight than the window, nor more in a second than allowed, as the simulator saw it", async () => {
  const simulator = await simulate({ BULKSMS_SIMULATOR_SPEED: "1" });
  const { link, watch } = await open(simulator.smppPort, { window: 7, parts_per_second: 40 });
  let key = 0;
  await waitFor("all outcomes", () => {
    while (key < 60 && link.capacity() > 0) {
      key += 1;
      const message = { key, reference: "r", phone: "46701740610", sender: "Oulu", text: "Hello", validUntilMs: Date.now() + 600_000 };
      link.submit([message], watch.onOutcome);
    }
    return watch.outcomes.size === 60;
  });
  const { accounts } = await simulator.statistics();
  const peaks = (accounts as Record<string, Record<string, number>>)[account];
  expect(peaks?.in_flight_most).toBeLessThanOrEqual(7);
  // its seconds and ours do not begin together: one part may arrive on the border
  expect(peaks?.parts_per_second_most).toBeLessThanOrEqual(41);
  expect(peaks).toMatchObject({ binds: 1, binds_most: 1 });
});
