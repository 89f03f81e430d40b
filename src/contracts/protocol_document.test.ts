// docs/protocol.md says what contracts/ says. Each table of it that is marked "compared" is read
// here: either changing alone fails.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { codesOf, readTable } from "../../testing/markdown.ts";
import { laws } from "../laws/check_laws.ts";
import { carrierChoicesAnswer } from "./carriers.ts";
import { failpoints } from "./failpoints.ts";
import { jobs, queueNames } from "./jobs.ts";
import { receipt, submitRequest, submitResponse } from "./receipts.ts";
import {
  anomalyKinds,
  type BulksmsStatus,
  bulksmsStatuses,
  campaignsLeadingTo,
  firstFinalStatus,
  impliedReceipts,
  isCampaignIn,
  isMessageIn,
  messageStatuses,
} from "./states.ts";
import { channelName, socketCloseCodes, systemChannel, topicNames, topicUpdates } from "./topics.ts";

const document = readFileSync(fileURLToPath(new URL("../../docs/protocol.md", import.meta.url)), "utf8");
const table = (name: string): string[][] => readTable(document, name);
const codeOf = (cell: string | undefined): string => codesOf(cell)[0] ?? "";

/** Paths of a payload's fields: `settles[].outbox_id`. A record has no fields of its own. */
function fieldsOf(schema: z.ZodType): string[] {
  const inner = schema instanceof z.ZodOptional || schema instanceof z.ZodNullable ? (schema.unwrap() as z.ZodType) : schema;
  if (inner instanceof z.ZodArray) return below("[]", inner.element as z.ZodType);
  if (!(inner instanceof z.ZodObject)) return [""];
  return Object.entries(inner.shape as Record<string, z.ZodType>).flatMap(([name, field]) =>
    fieldsOf(field).map((path) => (path === "" || path.startsWith("[]") ? `${name}${path}` : `${name}.${path}`)),
  );
}

function below(prefix: string, schema: z.ZodType): string[] {
  return fieldsOf(schema).map((path) => (path === "" || path.startsWith("[]") ? `${prefix}${path}` : `${prefix}.${path}`));
}

test("fieldsOf names nested fields, lists and optional ones", () => {
  const schema = z.object({
    a: z.string(),
    b: z.array(z.object({ c: z.string().optional(), d: z.array(z.string()) })),
    e: z.object({ f: z.null() }),
  });
  expect(fieldsOf(schema)).toEqual(["a", "b[].c", "b[].d[]", "e.f"]);
});

describe("docs/protocol.md has", () => {
  test("every job with the fields of its payload", () => {
    const inContracts = queueNames.flatMap((queue) =>
      Object.entries(jobs[queue]).map(([job, payload]) => ({ queue: queue as string, job, fields: fieldsOf(payload) })),
    );
    expect(
      table("jobs").map(([queue, job, , , payload]) => ({ queue: codeOf(queue), job: codeOf(job), fields: codesOf(payload) })),
    ).toEqual(inContracts);
  });

  test("every topic with its channel and the fields of its updates", () => {
    const channels = Object.fromEntries(
      channelName.options.map(({ shape }) => [shape.topic.value, shape.channel instanceof z.ZodLiteral ? systemChannel : null]),
    );
    const inDocument = table("topics").map(([topic, channel, payload]) => ({
      topic: codeOf(topic),
      channel: codesOf(channel)[0] ?? null,
      fields: codesOf(payload),
    }));
    expect(inDocument).toEqual(topicNames.map((topic) => ({ topic, channel: channels[topic], fields: fieldsOf(topicUpdates[topic]) })));
  });

  test("every close code of the socket", () => {
    expect(table("close codes").map(([code, name]) => [codeOf(name), Number(code)])).toEqual(Object.entries(socketCloseCodes));
  });

  test("the fields of what a campaign may be sent through", () => {
    expect(table("carrier choice").map(([, fields]) => codesOf(fields))).toEqual([fieldsOf(carrierChoicesAnswer)]);
  });

  test("the fields of submits, of their answers and of receipts", () => {
    const schemas = [submitRequest, submitResponse, receipt];
    expect(table("wire").map(([, fields]) => codesOf(fields))).toEqual(schemas.map(fieldsOf));
  });

  test("the message states in their order, what each implies, which are charged, which are final", () => {
    const firstFinal = messageStatuses.indexOf(firstFinalStatus);
    const inDocument = table("message states").map(([state, implied, charged, final]) => ({
      state: codeOf(state),
      implied: codesOf(implied),
      isCharged: charged === "yes",
      isFinal: final === "yes",
    }));
    expect(inDocument).toEqual(
      messageStatuses.map((state, index) => ({
        state,
        implied: impliedReceipts(state),
        isCharged: isMessageIn("charging", state),
        isFinal: index >= firstFinal && isMessageIn("final", state),
      })),
    );
  });

  test("the campaign states in their order, which have ended, and no unknown one behind an arrow", () => {
    const rows = table("campaign states");
    expect(rows.map(([state, ended]) => [codeOf(state), ended === "yes"])).toEqual(
      bulksmsStatuses.map((state) => [state, isCampaignIn("ended", state)]),
    );
    for (const [state, ended, next] of rows) {
      const targets = codesOf(next);
      const leadsTo = bulksmsStatuses.filter((to) => campaignsLeadingTo(to).includes(codeOf(state) as BulksmsStatus));
      expect(targets.toSorted(), `${state} leads to`).toEqual(leadsTo.toSorted());
      expect(targets.length > 0, `${state} leads somewhere unless it has ended`).toBe(ended !== "yes");
    }
  });

  test("every kind of anomaly", () => {
    expect(table("anomalies").map(([kind]) => codeOf(kind))).toEqual([...anomalyKinds]);
  });

  test("every failpoint at its crash point and process, and no gap in the points", () => {
    const rows = table("crash points").map(([point, process, places, outcome]) => ({ point, process, places: codesOf(places), outcome }));
    expect(rows.map(({ point }) => point)).toEqual(rows.map((_, index) => `C${String(index + 1).padStart(2, "0")}`));
    const inDocument = rows.flatMap(({ point, process, places }) =>
      process === "" ? [] : places.map((name) => ({ name, point, process })),
    );
    const inContracts = Object.entries(failpoints).map(([name, { point, process }]) => ({
      name,
      point: point as string,
      process: process as string,
    }));
    const byName = (one: { name: string }, other: { name: string }): number => (one.name < other.name ? -1 : 1);
    expect(inDocument.toSorted(byName)).toEqual(inContracts.toSorted(byName));
    for (const { point, outcome } of rows) expect(outcome, `${point} has an outcome`).not.toBe("");
  });

  test("every law with its title, in their order", () => {
    expect(table("laws").map(([name, title]) => [name, title])).toEqual(laws.map(({ name, title }) => [name, title]));
  });
});
