// Endpoints of salesapi: commands, reads, receipts - what they answer, and that a refusal has no
// effect.
import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type SalesNodes, startSalesNodes } from "../../../testing/sales_nodes.ts";
import { makeReceipt, sendReceipts } from "../../../testing/test_carrier.ts";
import { createSession } from "../../accounts/console_sessions.ts";
import { sessionCookie } from "../../contracts/console.ts";
import { sha256 } from "../../platform/sha256.ts";

let nodes: SalesNodes;
let workspace: { id: string; key: string };
let stranger: { id: string; key: string };
let readOnlyKey: string;
const rows = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index);
const send = (body: unknown, options: Partial<Parameters<typeof sendReceipts>[2]> = {}) =>
  sendReceipts(nodes.salesapiUrl, body, { secret: nodes.carrier.secret, ...options });
const get = (path: string, key: string = workspace.key) => nodes.http("GET", path, { key });

beforeAll(async () => {
  nodes = await startSalesNodes();
  [workspace, stranger] = await Promise.all([nodes.credit.makeWorkspace("100"), nodes.credit.makeWorkspace("100")]);
  readOnlyKey = `bk_read_${randomUUID()}`;
  await nodes.credit
    .owner`insert into api_key (workspace_id, name, secret_sha256, scopes) values (${workspace.id}, 'read', ${sha256(readOnlyKey)}, ${["read"]})`;
});
afterAll(() => nodes.stop());

describe("a command", () => {
  it("needs a key, its scope, JSON, the field bulksms_id, and nothing else", async () => {
    const id = await nodes.create(workspace.key, 2);
    const post = (options: Parameters<SalesNodes["http"]>[2]) => nodes.http("POST", "/run", options);
    const { key } = workspace;
    const cases: [Parameters<SalesNodes["http"]>[2], number, string][] = [
      [{ body: { bulksms_id: id } }, 401, "key_missing"],
      [{ body: { bulksms_id: id }, key: "wrong" }, 401, "key_invalid"],
      [{ body: { bulksms_id: id }, key: readOnlyKey }, 403, "scope_missing"],
      [{ body: { bulksms_id: id }, key: nodes.credit.adminKey }, 403, "scope_missing"],
      [{ body: "{", key }, 400, "json_invalid"],
      [{ body: "", key }, 400, "json_invalid"],
      [{ body: { bulksms_id: id, extra: 1 }, key }, 422, "field_unknown"],
      [{ body: {}, key }, 400, "request_invalid"],
      [{ body: { bulksms_id: 7 }, key }, 400, "request_invalid"],
      [{ body: { bulksms_id: "x" }, key }, 400, "request_invalid"],
      [{ body: { bulksms_id: id }, key, headers: { "content-type": "text/plain" } }, 415, "content_type_unsupported"],
      [{ body: { bulksms_id: randomUUID() }, key }, 404, "bulksms_not_found"],
      [{ body: { bulksms_id: id }, key: stranger.key }, 404, "bulksms_not_found"],
      [{ body: JSON.stringify({ bulksms_id: id, x: "y".repeat(100_000) }), key }, 413, "body_too_large"],
    ];
    for (const [options, status, code] of cases) {
      const answer = await post(options);
      expect([answer.status, answer.body.code], JSON.stringify(options).slice(0, 200)).toEqual([status, code]);
      expect(answer.headers.get("content-type")).toContain("application/problem+json");
    }
    const wrongMethod = await nodes.http("PUT", "/run", { key, body: {} });
    expect([wrongMethod.status, wrongMethod.headers.get("allow")]).toEqual([405, "POST"]);
    expect(await nodes.campaign(id)).toMatchObject({ status: "ready", hold_id: null });
  });

  it("names its campaign by bulksms_id or, as POST /create answers it, by id; two that differ are refused", async () => {
    const { key } = await nodes.credit.makeWorkspace("10");
    const [one, other] = [await nodes.create(key, 2), await nodes.create(key, 2)];
    const post = (name: string, body: object) => nodes.http("POST", `/${name}`, { key, body });
    for (const name of ["run", "pause", "resume", "cancel"]) {
      const refused = await post(name, { bulksms_id: one, id: other });
      expect([refused.status, refused.body.code], name).toEqual([422, "id_conflicting"]);
      expect((await post(name, {})).body, name).toMatchObject({
        code: "request_invalid",
        detail: expect.stringContaining("bulksms_id, or id"),
      });
      expect((await post(name, { id: "x" })).body.code, name).toBe("request_invalid");
      expect((await post(name, { id: null, bulksms_id: one })).body.code, name).toBe("request_invalid");
    }
    expect((await post("run", { id: one })).status).toBe(202);
    expect((await post("pause", { id: one.toUpperCase(), bulksms_id: one })).body).toMatchObject({ id: one, status: "paused" });
    expect((await post("resume", { id: one })).body.status).toBe("running");
    expect((await post("cancel", { id: other, bulksms_id: other })).body).toMatchObject({ id: other });
    const docs = (await nodes.http("GET", "/docs/json")).body;
    for (const name of ["run", "pause", "resume", "cancel"]) {
      const { schema } = docs.paths[`/${name}`].post.requestBody.content["application/json"];
      const own = name === "run" ? ["expect", "price_version"] : [];
      expect(Object.keys(schema.properties), name).toEqual(["bulksms_id", "id", ...own]);
    }
  });

  it("in the wrong state is refused with the current one", async () => {
    const id = await nodes.create(workspace.key, 2);
    for (const name of ["pause", "resume"] as const) {
      const answer = await nodes.command(name, workspace.key, id);
      expect([answer.status, answer.body.code, answer.body.current], name).toEqual([409, "state_conflict", "ready"]);
    }
    await nodes.command("cancel", workspace.key, id);
    await nodes.campaign(id, (row) => row.status === "canceled");
    for (const name of ["run", "pause", "resume", "cancel"] as const) {
      expect((await nodes.command(name, workspace.key, id)).body, name).toMatchObject({ code: "state_conflict", current: "canceled" });
    }
  });

  it("of a stranger never touches a campaign, whatever the command", async () => {
    const id = await nodes.create(workspace.key, 2);
    for (const name of ["run", "pause", "resume", "cancel"] as const) {
      expect((await nodes.command(name, stranger.key, id)).status, name).toBe(404);
    }
    expect(await nodes.campaign(id)).toMatchObject({ status: "ready", hold_id: null, last_error: null });
  });
});

describe("a read", () => {
  let id = "";
  beforeAll(async () => {
    id = await nodes.create(workspace.key, 25, { text: "Hei {name}", name: "Oulu" });
    await nodes.command("run", workspace.key, id);
    await nodes.campaign(id, (row) => row.queued === 25);
    await nodes.receive(id, rows(1, 5), "sent");
    await nodes.receive(id, rows(1, 3), "delivered");
  });

  it("of one campaign has its money as decimal strings and its counts", async () => {
    const { status, body } = await get(`/bulksms/${id}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id,
      name: "Oulu",
      sender: "Test",
      text: "Hei {name}",
      status: "running",
      contacts: 25,
      rejected: 0,
      rejects: {},
      parts: 25,
      parts_sent: 5,
      price: "0.1",
      cost: "2.5",
      charged: "0.5",
      last_error: null,
      ended_at: null,
      counts: { pending: 0, queued: 20, sent: 2, delivered: 3, failed: 0, undelivered: 0, unknown: 0, expired: 0, canceled: 0 },
    });
    expect(body.hold_id).toMatch(/^[0-9a-f-]{36}$/);
    expect((await get(`/bulksms/${id}`, readOnlyKey)).status).toBe(200);
  });

  it("of the list goes newest first, page by page, and shows no stranger's campaigns", async () => {
    const other = await nodes.create(workspace.key, 1);
    const first = await get("/bulksms?limit=1");
    expect(first.body.bulksms.map((each: { id: string }) => each.id)).toEqual([other]);
    const second = await get(`/bulksms?limit=1&cursor=${first.body.next_cursor}`);
    expect(second.body.bulksms[0].id).toBe(id);
    expect((await get("/bulksms?status=running")).body.bulksms.map((each: { id: string }) => each.id)).toEqual([id]);
    expect((await get("/bulksms", stranger.key)).body).toEqual({ bulksms: [], next_cursor: null });
  });

  it("of messages filters and pages in the order of the file", async () => {
    const seen: number[] = [];
    let cursor = 0;
    for (;;) {
      const { body } = await get(`/bulksms/${id}/messages?status=queued&limit=7&cursor=${cursor}`);
      seen.push(...body.messages.map((message: { row_no: number }) => message.row_no));
      if (body.next_cursor === null) break;
      cursor = body.next_cursor;
    }
    expect(seen).toEqual(rows(6, 25));
    const delivered = await get(`/bulksms/${id}/messages?status=delivered,sent`);
    expect(delivered.body.messages.map((message: { status: string }) => message.status)).toEqual([
      "delivered",
      "delivered",
      "delivered",
      "sent",
      "sent",
    ]);
    expect(delivered.body.messages[0]).toMatchObject({ row_no: 1, msisdn: "+358401000000", parts: 1, error_code: null });
  });

  it("of messages finds a number by its first or last digits, and goes on where a page looked at enough", async () => {
    const found = async (query: string) => (await get(`/bulksms/${id}/messages?${query}`)).body;
    expect((await found("number_suffix=007")).messages).toMatchObject([{ row_no: 8, msisdn: "+358401000007" }]);
    expect((await found("number_prefix=35840100001&limit=1000")).messages).toHaveLength(10);
    expect(await found("number_prefix=46")).toEqual({ messages: [], next_cursor: null });
    expect((await found("number_prefix=358&status=delivered&limit=2")).next_cursor).toBe(2);
  });

  it("of one message shows every step of its way, why it was charged, and what its state refused", async () => {
    const contradiction = makeReceipt(id, 1, "failed");
    await send(contradiction);
    await nodes.owner`update credit_outbox set confirmed_at = now() where bulksms_id = ${id} and confirmed_at is null`;
    const { body } = await get(`/bulksms/${id}/messages/1`);
    expect(body).toMatchObject({ row_no: 1, status: "delivered" });
    expect(body.way.map((step: { step: string }) => step.step)).toEqual([
      ...["imported", "held", "leased", "submitted", "accepted", "sent", "charged", "done"],
    ]);
    expect(body.way.every((step: { reached: boolean }) => step.reached)).toBe(true);
    const times = ["imported", "held", "submitted", "sent", "done"].map(
      (name) => body.way.find((step: { step: string }) => step.step === name).at,
    );
    expect(times).toEqual(times.toSorted());
    const [outbox] = await nodes.owner`select id from credit_outbox where bulksms_id = ${id} order by created_at limit 1`;
    expect(body.charge).toMatchObject({ parts: 1, amount: "0.1", is_charged: true, transfer_id: outbox?.id });
    expect(body.anomalies).toMatchObject([{ receipt_id: contradiction.id, kind: "contradiction", status: "failed" }]);
    const waiting = (await get(`/bulksms/${id}/messages/25`)).body;
    expect(waiting.way.filter((step: { reached: boolean }) => !step.reached).map((step: { step: string }) => step.step)).toEqual([
      ...["sent", "charged", "done"],
    ]);
    expect(waiting.charge).toMatchObject({ is_charged: false, transfer_id: null });
  });

  it("of statistics tells the reasons of failure and how long sending and delivering took", async () => {
    const { status, body } = await get(`/bulksms/${id}/statistics`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      rows_sampled: 25,
      rows_total: 25,
      errors: [],
      submit_to_sent: { rows: 5 },
      sent_to_delivered: { rows: 3 },
      ended_in_doubt: 0,
    });
    expect(body.submit_to_sent.p50_ms).toBeLessThanOrEqual(body.submit_to_sent.p99_ms);
    const empty = await nodes.create(workspace.key, 2);
    expect((await get(`/bulksms/${empty}/statistics`)).body).toMatchObject({
      rows_sampled: 2,
      submit_to_sent: null,
      sent_to_delivered: null,
    });
  });

  it("of statistics counts what ended in doubt: not what was resolved before, nor what is still open", async () => {
    const doubted = await nodes.create(workspace.key, 6);
    const [carrier] = await nodes.owner`
      insert into carrier (name, settings, sealed_secret) values ('doubted', '{"protocol": "smpp"}', ''::bytea) returning id`;
    const events = await nodes.owner`insert into doubt_event (carrier_id, slot, kind, bound)
      select ${carrier?.id}, 1, 'cut', 10 from generate_series(1, 2) returning id`;
    for (const { id: eventId } of events)
      await nodes.owner`insert into doubt_message (bulksms_id, row_no, event_id, intended_at)
        select ${doubted}, n, ${eventId}, now() from generate_series(1, 5) n`;
    await nodes.owner`update bulksms_info set status = case row_no when 5 then 'unknown' else 'expired' end::message_status,
      sent_at = case row_no when 4 then now() end where bulksms_id = ${doubted}`;
    await nodes.owner`insert into carrier_message (carrier_id, their_id, bulksms_id, row_no, part_no, parts)
      values (${carrier?.id}, '7', ${doubted}, 3, 1, 1)`;
    // 3 has the carrier's id, 4 was sent, 5 is open, 6 never was in doubt
    expect((await get(`/bulksms/${doubted}/statistics`)).body.ended_in_doubt).toBe(2);
  });

  it("of anomalies goes page by page", async () => {
    const other = await nodes.create(workspace.key, 3);
    await nodes.command("run", workspace.key, other);
    await nodes.campaign(other, (row) => row.queued === 3);
    await nodes.receive(other, [1, 2, 3], "delivered");
    await nodes.receive(other, [1, 2, 3], "failed");
    const first = (await get(`/bulksms/${other}/anomalies?limit=2`)).body;
    const second = (await get(`/bulksms/${other}/anomalies?limit=2&cursor=${encodeURIComponent(first.next_cursor)}`)).body;
    expect([...first.anomalies, ...second.anomalies]).toMatchObject(
      [1, 2, 3].map((row_no) => ({ row_no, kind: "contradiction", status: "failed", message_status: "delivered" })),
    );
    expect(second.next_cursor).toBeNull();
  });

  it("of what is too much or nothing is refused: page of a billion, no number, unknown state, no such row", async () => {
    const cases: [string, number, string][] = [
      ["/bulksms?limit=1000000000", 400, "request_invalid"],
      ["/bulksms?limit=0", 400, "request_invalid"],
      ["/bulksms?limit=ten", 400, "request_invalid"],
      ["/bulksms?cursor=x", 400, "request_invalid"],
      ["/bulksms?status=sleeping", 400, "request_invalid"],
      ["/bulksms?color=red", 422, "field_unknown"],
      [`/bulksms/${id}/messages?limit=1000000000`, 400, "request_invalid"],
      [`/bulksms/${id}/messages?cursor=-1`, 400, "request_invalid"],
      [`/bulksms/${id}/messages?status=sleeping`, 400, "request_invalid"],
      [`/bulksms/${id}/messages?number_suffix=%25`, 400, "request_invalid"],
      [`/bulksms/${id}/messages?number_prefix=+358`, 400, "request_invalid"],
      [`/bulksms/${id}/anomalies?cursor=x`, 400, "request_invalid"],
      [`/bulksms/${id}/messages/26`, 404, "message_not_found"],
      [`/bulksms/${id}/messages/0`, 404, "message_not_found"],
      [`/bulksms/${id}/messages/x`, 404, "message_not_found"],
      [`/bulksms/${id}/messages/99999999999`, 404, "message_not_found"],
      ["/bulksms/x", 404, "bulksms_not_found"],
      [`/bulksms/${randomUUID()}`, 404, "bulksms_not_found"],
    ];
    for (const [path, status, code] of cases) {
      const answer = await get(path);
      expect([answer.status, answer.body.code], path).toEqual([status, code]);
    }
  });

  it("of another workspace's campaign is 404 on every path", async () => {
    for (const path of ["", "/messages", "/messages/1", "/report.csv", "/rejects.csv"]) {
      const answer = await get(`/bulksms/${id}${path}`, stranger.key);
      expect([answer.status, answer.body.code], path).toEqual([404, "bulksms_not_found"]);
    }
  });

  it("of report.csv has every message with its end", async () => {
    const { status, headers, body } = await get(`/bulksms/${id}/report.csv`);
    expect([status, headers.get("content-type")]).toEqual([200, "text/csv; charset=utf-8"]);
    const lines = body.split("\r\n");
    expect(lines).toHaveLength(27);
    expect(lines[0]).toBe("line,row_no,msisdn,status,reason,parts,error_code,sent_at,done_at");
    expect(lines[1]).toMatch(/^2,1,"=""\+358401000000""",delivered,arrived \(simulated: no phone was reached\),1,,20\d\d-.*Z,20\d\d-.*Z$/);
    expect(lines[25]).toBe('26,25,"=""+358401000024""",queued,with the carrier (simulated: no phone was reached),1,,,');
  });

  it("of a progress snapshot is for our own processes", async () => {
    const path = `/internal/progress/${id}`;
    expect((await get(path)).body.code).toBe("internal_token_invalid");
    const answer = await get(path, nodes.credit.internalToken);
    expect(answer.body).toMatchObject({
      workspace_id: workspace.id,
      update: { bulksms_id: id, status: "running", contacts: 25, parts_sent: 5 },
    });
    const authorization = `bEARER ${nodes.credit.internalToken}`;
    expect((await fetch(nodes.salesapiUrl + path, { headers: { authorization } })).status).toBe(200);
  });
});

describe("a page of the console", () => {
  const own = "http://localhost:8000"; // webapi is set to 127.0.0.1:8000
  let cookie = "";
  beforeAll(async () => {
    const { token } = await createSession(nodes.credit.owner, {
      workspaceId: workspace.id,
      keyId: null,
      scopes: ["send", "read"],
      seesSystem: false,
    });
    cookie = `${sessionCookie}=${token}`;
  });

  it("is let in by its cookie, and its browser is told so", async () => {
    const answer = await nodes.http("GET", "/bulksms?limit=1", { headers: { cookie, origin: own } });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("access-control-allow-origin")).toBe(own);
    expect(answer.headers.get("access-control-allow-credentials")).toBe("true");
    const refused = await nodes.http("GET", "/bulksms?limit=0", { headers: { cookie, origin: own } });
    expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([400, own]);
  });

  it("is told before a command that it may", async () => {
    const headers = { origin: own, "access-control-request-method": "POST", "access-control-request-headers": "content-type" };
    const answer = await nodes.http("OPTIONS", "/run", { headers });
    expect([answer.status, answer.headers.get("access-control-allow-methods")]).toEqual([204, "GET, POST"]);
    expect(answer.headers.get("access-control-allow-headers")).toBe("authorization, content-type, idempotency-key");
    const foreign = await nodes.http("OPTIONS", "/run", { headers: { ...headers, origin: "http://localhost:9999" } });
    expect(foreign.headers.get("access-control-allow-origin")).toBeNull();
  });

  it("of another origin commands nothing, and neither does a request that names none", async () => {
    const id = await nodes.create(workspace.key, 2);
    for (const origin of [{ origin: "http://localhost:9999" }, {}]) {
      const answer = await nodes.http("POST", "/run", { headers: { cookie, ...origin }, body: { bulksms_id: id } });
      expect([answer.status, answer.body.code]).toEqual([403, "origin_refused"]);
    }
    expect(await nodes.campaign(id)).toMatchObject({ status: "ready" });
    const run = await nodes.http("POST", "/run", { headers: { cookie, origin: own }, body: { bulksms_id: id } });
    expect(run.status).toBe(202);
  });
});

describe("POST /receipts/{carrier}", () => {
  let id = "";
  beforeAll(async () => {
    id = await nodes.create(workspace.key, 20);
    await nodes.command("run", workspace.key, id);
    await nodes.campaign(id, (row) => row.queued === 20);
  });
  const statusOf = async (rowNo: number) =>
    (await nodes.owner`select status from bulksms_info where bulksms_id = ${id} and row_no = ${rowNo}`)[0]?.status;

  it("takes one receipt or many, and answers after their commit", async () => {
    expect(await send(makeReceipt(id, 1, "sent"))).toEqual({ status: 200, body: { committed: 1 } });
    expect(await statusOf(1)).toBe("sent");
    expect((await send({ receipts: [makeReceipt(id, 2, "sent"), makeReceipt(id, 3, "delivered")] })).status).toBe(200);
    expect([await statusOf(2), await statusOf(3)]).toEqual(["sent", "delivered"]);
  });

  it("takes nothing that is forged, altered, old, from the future, or unsigned", async () => {
    const nowS = Math.floor(Date.now() / 1_000);
    const body = makeReceipt(id, 4, "delivered");
    const refused = [
      await send(body, { secret: "another secret" }),
      await send(body, { timestampS: nowS - 400 }),
      await send(body, { timestampS: nowS + 400 }),
      await send(body, { headers: { "webhook-signature": "v1,AAAA" } }),
      await send(body, { headers: { "webhook-signature": "" } }),
      await send(body, { headers: { "webhook-id": "another" } }),
    ];
    expect(refused.map(({ status, body: problem }) => [status, problem.code])).toEqual(refused.map(() => [401, "signature_invalid"]));
    expect(await statusOf(4)).toBe("queued");
    const tolerated = await send(makeReceipt(id, 4, "sent"), { timestampS: nowS - 250 });
    expect(tolerated.status).toBe(200);
  });

  it("refuses a carrier that it does not know, a body of another form, another type, or ten megabytes", async () => {
    expect((await send(makeReceipt(id, 5, "sent"), { carrier: "other" })).body.code).toBe("carrier_not_found");
    expect(await send({ receipts: "none" })).toMatchObject({ status: 400, body: { code: "receipts_invalid" } });
    expect(await send("{")).toMatchObject({ status: 400, body: { code: "json_invalid" } });
    expect(await send({ receipts: rows(1, 1_001).map(() => makeReceipt(id, 5, "sent")) })).toMatchObject({
      status: 400,
      body: { code: "receipts_invalid" },
    });
    expect(await send(makeReceipt(id, 5, "sent"), { headers: { "content-type": "text/plain" } })).toMatchObject({ status: 415 });
    expect(await send(makeReceipt(id, 5, "sent", { x: "y".repeat(10_000_000) }))).toMatchObject({
      status: 413,
      body: { code: "body_too_large" },
    });
    expect(await statusOf(5)).toBe("queued");
  });

  it("answers 2xx to what no message can take, keeps it once, and takes the good ones beside it", async () => {
    const odd = [
      makeReceipt(randomUUID(), 1, "sent"),
      makeReceipt(id, 2_000_000_000, "sent"),
      makeReceipt(id, 6, "read"),
      makeReceipt(id, 6, "sent", { error_code: "x\u0000y" }),
      makeReceipt(id, 6, "sent", { at: 7 }),
    ];
    const body = { receipts: [...odd, makeReceipt(id, 6, "sent")] };
    expect([(await send(body)).status, (await send(body)).status]).toEqual([200, 200]);
    const kept =
      await nodes.owner`select kind, body from receipt_anomaly where receipt_id = any (${odd.map((each) => each.id)}) order by receipt_id`;
    expect(kept.map((row) => row.kind)).toEqual(["unknown_reference", "unknown_reference", "unknown_status", "malformed", "malformed"]);
    expect(await statusOf(6)).toBe("sent");
  });

  it("takes a thousand bodies at once, each exactly once", async () => {
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, index) => send(makeReceipt(id, 7 + (index % 14), index % 2 === 0 ? "sent" : "delivered"))),
    );
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    const campaign = await nodes.campaign(id, (row) => row.queued + row.sent + row.delivered === 20);
    const [charged] = await nodes.owner`select sum(parts)::int as parts from credit_outbox where bulksms_id = ${id}`;
    expect(charged?.parts).toBe(Number(campaign.parts_sent));
    const [marked] = await nodes.owner`select sum(parts)::int as parts from bulksms_info where bulksms_id = ${id} and sent_at is not null`;
    expect(marked?.parts).toBe(charged?.parts);
  });

  it("ends what is cut off in the middle of its body without an effect", async () => {
    const { hostname, port } = new URL(nodes.salesapiUrl);
    await new Promise<void>((resolve) => {
      const socket = connect(Number(port), hostname, () => {
        socket.write(
          'POST /receipts/simulated HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"id":',
        );
        socket.end(() => resolve());
      });
      socket.on("error", () => resolve());
    });
    expect((await nodes.http("GET", "/health")).status).toBe(200);
  });
});

describe("salesapi", () => {
  it("answers health, readiness and metrics, and describes itself at /docs", async () => {
    expect((await nodes.http("GET", "/health")).body).toMatchObject({ status: "alive", process: "salesapi" });
    expect((await nodes.http("GET", "/ready")).body).toMatchObject({ status: "ready" });
    const metrics = (await nodes.http("GET", "/metrics")).body;
    for (const name of ["receipts_committed_total", "receipt_batch_rows", "receipts_waiting"]) expect(metrics).toContain(`bulksms_${name}`);
    const docs = (await nodes.http("GET", "/docs/json")).body;
    expect(Object.keys(docs.paths)).toEqual(
      expect.arrayContaining([
        "/create",
        "/run",
        "/pause",
        "/resume",
        "/cancel",
        "/bulksms",
        "/bulksms/{id}",
        "/bulksms/{id}/messages",
        "/receipts/{carrier}",
      ]),
    );
    expect(Object.keys(docs.paths)).not.toContain("/internal/progress/{id}");
  });
});
