// /carriers: what the installation sends through. For keys of the installation alone: a carrier's
// account belongs to nobody's workspace. Those who send see what they can choose.
import { z } from "zod";
import { type CarrierDefaults, listCarrierChoices } from "../../campaign/import/chosen_carrier.ts";
import { addCarrier, changeCarrier, listCarriers, type Registry } from "../../carriers/registry.ts";
import { carrierChange, carrierChoicesAnswer, carriersAnswer, installedCarrier, newCarrier } from "../../contracts/carriers.ts";
import { answerInTime } from "../../platform/answer_in_time.ts";
import type { HttpServer } from "../../platform/http.ts";
import type { Log } from "../../platform/log.ts";
import type { SalesCallers } from "./sales_callers.ts";

export interface CarrierRoutesDependencies extends Registry {
  callers: SalesCallers;
  defaults: CarrierDefaults;
  log: Log;
}

/** A certificate of an authority, and lists of a thousand entries. */
const bodyBytesMax = 256 * 1024;
const tags = ["carriers"];

const changeDescription = `What is not named stays. \`live\`: it takes campaigns. \`paused\`: its links are closed, its campaigns wait.
\`removed\` and \`test_only\` are refused with 409 \`carrier_busy\` while a campaign on it has begun and not ended.
Links are opened anew after a change.`;

const choicesDescription = `The simulator, and the carriers that are \`live\` or \`test_only\`, each with the senders and destinations that it takes:
what \`carrier\` of POST /create and POST /quote may name. Nothing of the account behind them is shown.`;

export function carrierRoutes(app: HttpServer, dependencies: CarrierRoutesDependencies): void {
  addChoices(app, dependencies);
  addRegistry(app, dependencies);
}

/** For those who may send. */
function addChoices(app: HttpServer, { callers, defaults, sql }: CarrierRoutesDependencies): void {
  app.get(
    "/carriers/choices",
    {
      onRequest: callers.require("send"),
      schema: {
        tags,
        summary: "Carriers that a campaign may be sent through",
        description: choicesDescription,
        response: { 200: carrierChoicesAnswer },
      },
    },
    (_request, reply) => answerInTime(reply.elapsedTime, listCarrierChoices(sql, defaults)),
  );
}

function addRegistry(app: HttpServer, { callers, log, sql, seal }: CarrierRoutesDependencies): void {
  const registry = { sql, seal };
  const onRequest = callers.requireInstallation;
  app.get(
    "/carriers",
    { onRequest, schema: { tags, summary: "Carriers and their links (key of the installation)", response: { 200: carriersAnswer } } },
    async (_request, reply) => ({ carriers: await answerInTime(reply.elapsedTime, listCarriers(registry.sql)) }),
  );
  app.post(
    "/carriers",
    {
      onRequest,
      bodyLimit: bodyBytesMax,
      schema: {
        tags,
        summary: "Add a carrier (scope admin, key of the installation)",
        description: "It texts its test phones alone until its state is `live`. Its secret is sealed and never shown.",
        body: newCarrier,
        response: { 201: installedCarrier },
      },
    },
    async (request, reply) => {
      const carrier = await answerInTime(reply.elapsedTime, addCarrier(registry, request.body));
      log.info({ event: "carrier.added", carrier: carrier.name, protocol: carrier.settings.protocol });
      return reply.status(201).send(carrier);
    },
  );
  app.post(
    "/carriers/:name",
    {
      onRequest,
      bodyLimit: bodyBytesMax,
      schema: {
        tags,
        summary: "Change a carrier (scope admin, key of the installation)",
        description: changeDescription,
        params: z.object({ name: z.string() }),
        body: carrierChange,
        response: { 200: installedCarrier },
      },
    },
    async (request, reply) => {
      const carrier = await answerInTime(reply.elapsedTime, changeCarrier(registry, request.params.name, request.body));
      log.info({ event: "carrier.changed", carrier: carrier.name, state: carrier.state, fields: Object.keys(request.body) });
      return carrier;
    },
  );
}
