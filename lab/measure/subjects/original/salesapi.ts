// The original's salesapi: a run is a job, and each receipt of the carrier is a job; the 2xx is
// sent when the jobs are in Redis. In its favour: the jobs of one body are added with one command,
// and their payload is all that the worker needs.
import { createServer, type IncomingMessage } from "node:http";
import { buffer } from "node:stream/consumers";
import { Queue } from "bullmq";
import type { Receipt } from "../../../../src/contracts/receipts.ts";
import { openRedis } from "../../../../src/platform/redis.ts";
import { verifyWebhook } from "../../../../src/protocols/standard_webhooks/webhook_signature.ts";
import { jobNames, type OriginalSettings, queueName, sendJob, type UpdateJob } from "./words.ts";

/** Nobody needs a job that is done; a failed one is kept and counted. */
const jobOptions = { removeOnComplete: true, attempts: 5 };

export async function startSalesapi(settings: OriginalSettings): Promise<void> {
  const connection = openRedis(settings.redisUrl, { connectionName: "original salesapi", isBlocking: true });
  const queue = new Queue(queueName, { connection, skipVersionCheck: true });
  const workspaceOf = new Map<string, string>();
  const run = async (body: Buffer): Promise<number> => {
    const job = sendJob.parse(JSON.parse(body.toString()));
    workspaceOf.set(job.bulksms_id, job.workspace_id);
    await queue.add(jobNames.send, job, jobOptions);
    return 202;
  };
  const receive = async (request: IncomingMessage, body: Buffer): Promise<number> => {
    if (!verifyWebhook({ secrets: [settings.receiptSecret], headers: request.headers, body, nowS: Date.now() / 1_000 })) return 401;
    const parsed = JSON.parse(body.toString()) as Receipt | { receipts: Receipt[] };
    const receipts = "receipts" in parsed ? parsed.receipts : [parsed];
    const jobs = receipts.map((receipt) => ({ name: jobNames.update, data: toJob(receipt, workspaceOf), opts: jobOptions }));
    if (jobs.length === 1) await queue.add(jobNames.update, jobs[0]?.data, jobOptions);
    else await queue.addBulk(jobs);
    return 200;
  };
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    const status = await (request.url === "/run" ? run(body) : receive(request, body)).catch(() => 503);
    response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(settings.salesapiPort, "127.0.0.1", resolve));
}

function toJob(receipt: Receipt, workspaceOf: ReadonlyMap<string, string>): UpdateJob {
  const [bulksmsId = "", rowNo = "0"] = receipt.reference.split(".");
  return {
    bulksms_id: bulksmsId,
    workspace_id: workspaceOf.get(bulksmsId) ?? "",
    row_no: Number(rowNo),
    status: receipt.status,
    error_code: receipt.error_code ?? null,
  };
}
