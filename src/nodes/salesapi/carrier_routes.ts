// /carriers: what the installation sends through. For keys of the installation alone: a carrier's
// account belongs to nobody's workspace.
import { z } from "zod";
import { addCarrier, changeCarrier, listCarriers, type Registry } from "../../carriers/registry.ts";
import { carrierChange, carriersAnswer, installedCarrier, newCarrier } from "../../contracts/carriers.ts";
import { answerInTime } from "../../platform/answer_in_time.ts";
import type { HttpServer } from "../../platform/http.ts";
import type { Log } from "../../platform/log.ts";
import type { SalesCallers } from "./sales_callers.ts";

export interface CarrierRoutesDependencies extends Registry {
  callers: SalesCallers;
  log: Log;
}

/** A certificate of an authority, and lists of a thousand entries. */
const bodyBytesMax = 256 * 1024;
const tags = ["carriers"];

const changeDescription = `What is not named stays. \`live\`: it takes campaigns. \`paused\`: its links are closed, its campaigns wait.
\`removed\` and \`test_only\` are refused with 409 \`carrier_busy\` while a campaign on it has begun and not ended.
Links are opened anew after a change.`;

export function carrierRoutes(app: HttpServer, { callers, log, ...registry }: CarrierRoutesDependencies): void {
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
