// The original's sales_worker: sends a campaign, and does one job for each receipt: one UPDATE of
// its row, without a look at what the row says; for a sent message also one UPDATE of the
// workspace's credit in the other service's database, and one publish of it. In its favour: it
// updates that database itself, where the original handed the deduction to a second worker by
// another job.
import { Worker } from "bullmq";
import type { SubmitResponse } from "../../../../src/contracts/receipts.ts";
import { openHttpClient } from "../../../../src/platform/http_client.ts";
import { openPostgres, type Sql } from "../../../../src/platform/postgres.ts";
import { openRedis, type Redis } from "../../../../src/platform/redis.ts";
import { creditPerMessage, creditTopic, jobNames, type OriginalSettings, queueName, type SendJob, type UpdateJob } from "./words.ts";

/** Messages of one body to the carrier: as many as ours. */
const submitRows = 1_000;
const submitTimeoutMs = 10_000;
const validForMs = 72 * 3_600_000;

interface Connections {
  ds: Sql;
  salesdb: Sql;
  redis: Redis;
}

export async function startSalesWorker(settings: OriginalSettings): Promise<void> {
  const { concurrency, connections } = settings;
  const open: Connections = {
    ds: openPostgres(settings.dsUrl, { applicationName: "original sales_worker", connections }),
    salesdb: openPostgres(settings.salesdbUrl, { applicationName: "original sales_worker", connections }),
    redis: openRedis(settings.redisUrl, { connectionName: "original publish" }),
  };
  const carrier = openHttpClient(settings.simulatorUrl, { timeoutMs: submitTimeoutMs, connections: 4 });
  const submit = async (body: unknown): Promise<SubmitResponse> => {
    const headers = { authorization: `Bearer ${settings.simulatorKey}` };
    const response = await carrier.request({ method: "POST", path: "/messages", headers, body });
    if (response.status !== 200) throw new Error(`the carrier answered ${response.status}`);
    return response.body as SubmitResponse;
  };
  const worker = new Worker(
    queueName,
    (job) => (job.name === jobNames.send ? sendCampaign(open, submit, job.data as SendJob) : updateStatus(open, job.data as UpdateJob)),
    {
      connection: openRedis(settings.redisUrl, { connectionName: "original sales_worker", isBlocking: true }),
      concurrency,
      // a campaign of a million is one long job: it must not be taken for dead
      lockDuration: 60_000,
      skipVersionCheck: true,
    },
  );
  worker.on("error", () => {}); // its connection's own; BullMQ takes it up again
  await worker.waitUntilReady();
}

async function updateStatus({ ds, salesdb, redis }: Connections, job: UpdateJob): Promise<void> {
  await salesdb`
    update bulksms_info set status = ${job.status}, error_code = ${job.error_code}, updated_at = now()
    where bulksms_id = ${job.bulksms_id} and row_no = ${job.row_no}`;
  if (job.status !== "sent") return;
  const [workspace] = await ds<{ credit: string }[]>`
    update workspace set credit = credit - ${creditPerMessage}::numeric where id = ${job.workspace_id} returning credit::text as credit`;
  await redis.publish(creditTopic, JSON.stringify({ workspace_id: job.workspace_id, credit: workspace?.credit }));
}

async function sendCampaign(
  { salesdb }: Connections,
  submit: (body: unknown) => Promise<SubmitResponse>,
  { bulksms_id: bulksmsId, text }: SendJob,
): Promise<void> {
  const validUntil = new Date(Date.now() + validForMs).toISOString();
  for (let last = 0; ; ) {
    const rows = await salesdb<{ rowNo: number; phone: string }[]>`
      select row_no as "rowNo", phone from bulksms_info where bulksms_id = ${bulksmsId} and row_no > ${last} order by row_no limit ${submitRows}`;
    if (rows.length === 0) return;
    last = rows.at(-1)?.rowNo ?? last;
    const messages = rows.map(({ rowNo, phone }) => ({ row_no: rowNo, to: phone, parts: 1 }));
    const { rejected } = await submit({ batch_id: bulksmsId, sender: "Oulu", text, valid_until: validUntil, messages });
    for (const { row_no: rowNo, error_code: errorCode } of rejected) {
      await salesdb`update bulksms_info set status = 'failed', error_code = ${errorCode} where bulksms_id = ${bulksmsId} and row_no = ${rowNo}`;
    }
  }
}
