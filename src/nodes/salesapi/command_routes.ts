// POST /run, /pause, /resume, /cancel, /carrier: commands to one campaign. Each is guarded by the
// campaign's state, so a repeat is refused and harmless.
import { z } from "zod";
import type { CarrierDefaults } from "../../campaign/import/chosen_carrier.ts";
import { readSender } from "../../campaign/import/import_fields.ts";
import { changeCarrier } from "../../campaign/import/rejudge.ts";
import type { Campaign } from "../../campaign/lifecycle/campaign_rows.ts";
import { cancel, type Expected, pause, resume, run } from "../../campaign/lifecycle/commands.ts";
import type { ReserveDependencies } from "../../campaign/lifecycle/reserve.ts";
import type { PriceBook } from "../../campaign/pricing/price_book.ts";
import type { ProgressPublisher } from "../../campaign/reads/progress.ts";
import { isCarrierName } from "../../contracts/carriers.ts";
import { formatCredits, parseCredits } from "../../contracts/credits.ts";
import { AppError } from "../../contracts/errors.ts";
import { type CommandAnswer, commandAnswer } from "../../contracts/http.ts";
import { type RunExpectation, runExpectation } from "../../contracts/quote.ts";
import { answerInTime } from "../../platform/answer_in_time.ts";
import type { HttpServer } from "../../platform/http.ts";
import type { Log } from "../../platform/log.ts";
import type { RingingQueue } from "../../platform/queue.ts";
import type { SalesCallers } from "./sales_callers.ts";

export interface CommandDependencies extends ReserveDependencies {
  callers: SalesCallers;
  sales: RingingQueue<"sales">;
  progress: ProgressPublisher;
  prices: PriceBook;
  importLeaseMs: number;
  carrierDefaults: CarrierDefaults;
  log: Log;
}

const campaignId = z.uuid().transform((id) => id.toLowerCase());
/**
 * `id` is the name in POST /create's answer, `bulksms_id` the name everywhere else; both may be
 * sent if they agree.
 */
const commandFields = {
  bulksms_id: campaignId.optional().describe("the campaign; this or `id`"),
  id: campaignId.optional().describe("the same by the name that POST /create answers it with; this or `bulksms_id`"),
};
const namesCampaign = ({ bulksms_id, id }: { bulksms_id?: string | undefined; id?: string | undefined }) =>
  bulksms_id !== undefined || id !== undefined;
const needsCampaign = { message: "needs bulksms_id, or id", path: ["bulksms_id"] };
const command = z.strictObject(commandFields).refine(namesCampaign, needsCampaign);
const runCommand = z
  .strictObject({
    ...commandFields,
    expect: runExpectation.optional().describe("what you were shown: if the campaign is more, 409 `quote_changed` and nothing runs"),
    price_version: z
      .number()
      .int()
      .positive()
      .optional()
      .describe("the price list that you accept, from a 409 `price_changed`: the campaign is re-priced by it, then runs"),
  })
  .refine(namesCampaign, needsCampaign);

const carrierCommand = z
  .strictObject({
    ...commandFields,
    carrier: z.string().refine(isCarrierName, "must be the name of a carrier").describe("the name of the carrier to send it through"),
    sender: z.string().optional().describe("another sender: a real carrier has its own"),
  })
  .refine(namesCampaign, needsCampaign);

function expectedOf(expectation: RunExpectation | undefined): Expected {
  const { contacts = null, parts = null, cost_max, carrier = null } = expectation ?? {};
  return { contacts, parts, costMaxMilli: cost_max === undefined ? null : parseCredits(cost_max), carrier };
}

/** @throws AppError id_conflicting */
function commandedId({ bulksms_id, id }: { bulksms_id?: string | undefined; id?: string | undefined }): string {
  if (bulksms_id !== undefined && id !== undefined && bulksms_id !== id)
    throw new AppError("id_conflicting", "id and bulksms_id name two different campaigns; send one of them.");
  return (bulksms_id ?? id) as string;
}

const carrierDescription = `Only of a \`ready\` campaign. Its messages are judged by the new carrier's rules: those that it does not take become rejects, and contacts, parts and cost follow. What was a reject before stays one: to have it judged again, send the file again.
When it is stopped halfway the campaign does not run (409 \`carrier_changing\`) until it is given a carrier again.`;

const runDescription = `Reserves its whole cost and lets it run. 202 \`running\`, or \`reserving\` when the credit service is silent: then it continues by itself.
With \`expect\` it runs only if it has at most these contacts and parts and costs at most this; otherwise 409 \`quote_changed\` with its figures, without effect.
With \`expect.carrier\` it runs through that carrier alone, and not for real if that was shown as simulated; otherwise 409 \`carrier_changed\`, without effect.
When there is a newer price list than the one its messages were priced by: 409 \`price_changed\` with both totals, without effect, until \`price_version\` accepts it.`;

export function commandRoutes(app: HttpServer, dependencies: CommandDependencies): void {
  const { sql, callers, sales, progress, prices, log } = dependencies;
  const route = (summary: string, description: string) => ({
    onRequest: callers.require("send"),
    schema: { tags: ["campaigns"], summary, description, body: command, response: { 202: commandAnswer } },
  });
  /**
   * After the commit: watchers are notified, and a worker checks what is due. Both may get lost;
   * the sweeper checks too.
   */
  const told = (name: string, campaign: Campaign) => {
    log.info({ event: `campaign.${name}`, bulksmsId: campaign.bulksmsId, status: campaign.status });
    progress.changed(campaign);
    sales.ring("run_bulksms", { bulksms_id: campaign.bulksmsId });
  };

  app.post(
    "/run",
    {
      onRequest: callers.require("send"),
      schema: {
        tags: ["campaigns"],
        summary: "Send a campaign",
        description: runDescription,
        body: runCommand,
        response: { 202: commandAnswer },
      },
    },
    async (request, reply) => {
      // always asked anew: a price that has just changed is not charged at the old one unseen
      const pricing = await prices.current(0);
      const campaign = await answerInTime(
        reply.elapsedTime,
        run(
          dependencies,
          { workspaceId: callers.workspaceOf(request), bulksmsId: commandedId(request.body) },
          { pricing, acceptedVersion: request.body.price_version },
          expectedOf(request.body.expect),
        ),
      );
      told("run", campaign);
      return reply.status(202).send(answerOf(campaign));
    },
  );
  carrierRoute(app, dependencies, told);
  app.post("/pause", route("Pause a campaign", "No new submit begins; receipts and charges continue."), async (request, reply) => {
    const { campaign, inFlight } = await answerInTime(
      reply.elapsedTime,
      pause(sql, { workspaceId: callers.workspaceOf(request), bulksmsId: commandedId(request.body) }),
    );
    told("paused", campaign);
    return reply.status(202).send({ ...answerOf(campaign), in_flight_max: inFlight });
  });
  app.post(
    "/resume",
    route("Resume a paused campaign", "It continues where it stopped; nobody is texted twice."),
    async (request, reply) => {
      const campaign = await answerInTime(
        reply.elapsedTime,
        resume(sql, { workspaceId: callers.workspaceOf(request), bulksmsId: commandedId(request.body) }),
      );
      told("resumed", campaign);
      return reply.status(202).send(answerOf(campaign));
    },
  );
  app.post(
    "/cancel",
    route(
      "Cancel a campaign",
      "What was never submitted ends as `canceled` and costs nothing; what is with the carrier runs to its end. One whose file is still being read becomes `import_failed`, and nothing of it is kept.",
    ),
    async (request, reply) => {
      const { campaign, inFlight } = await answerInTime(
        reply.elapsedTime,
        cancel(sql, { workspaceId: callers.workspaceOf(request), bulksmsId: commandedId(request.body) }, dependencies),
      );
      told("canceled", campaign);
      return reply.status(202).send({ ...answerOf(campaign), in_flight_max: inFlight });
    },
  );
}

/** The command that names another carrier. */
function carrierRoute(
  app: HttpServer,
  { sql, callers, carrierDefaults }: CommandDependencies,
  told: (name: string, campaign: Campaign) => void,
): void {
  app.post(
    "/carrier",
    {
      onRequest: callers.require("send"),
      schema: {
        tags: ["campaigns"],
        summary: "Send a campaign through another carrier",
        description: carrierDescription,
        body: carrierCommand,
        response: { 202: commandAnswer },
      },
    },
    async (request, reply) => {
      const { carrier: carrierName, sender } = request.body;
      const commanded = { workspaceId: callers.workspaceOf(request), bulksmsId: commandedId(request.body) };
      const choice = { carrierName, sender: sender === undefined ? null : readSender(sender) };
      const campaign = await answerInTime(reply.elapsedTime, changeCarrier(sql, commanded, choice, carrierDefaults));
      told("carrier_changed", campaign);
      return reply.status(202).send(answerOf(campaign));
    },
  );
}

function answerOf(campaign: Campaign): CommandAnswer {
  return {
    id: campaign.bulksmsId,
    status: campaign.status,
    hold_id: campaign.holdId,
    contacts: campaign.contacts,
    parts: Number(campaign.parts),
    price: formatCredits(campaign.priceMilli),
    cost: formatCredits(campaign.costMilli),
    carrier: campaign.carrier,
  };
}
