// Callbacks of a sales_worker: the loop of campaign/callbacks, with a way out and its metrics.
import { callMs, startCallbackLoop } from "../../campaign/callbacks/callback_loop.ts";
import { signingSecrets } from "../../campaign/callbacks/callback_secret.ts";
import type { Log } from "../../platform/log.ts";
import type { Metrics } from "../../platform/metrics.ts";
import type { Sql } from "../../platform/postgres.ts";
import { openFileSeal } from "../../platform/seal_keys.ts";
import { openTargets } from "../../webhooks/targets.ts";

export interface CallbacksOptions {
  sql: Sql;
  settings: { carrierKeys: string; callbackPrivateTargets: string; sweepIntervalMs: number };
  metrics: Metrics;
  log: Log;
}

export interface Callbacks {
  /** Begins no new call, waits for those in hand. */
  close(): Promise<void>;
}

/** Calls to one origin at once, of this process. */
const callsPerOriginMax = 4;

export function startCallbacks({ sql, settings, metrics, log }: CallbacksOptions): Callbacks {
  const calls = metrics.counter("callbacks_total", "Calls to callback URLs, by what came of them", ["outcome"]);
  const givenUp = metrics.counter("callbacks_given_up_total", "Messages of which nobody would be told for a day");
  const seal = openFileSeal(settings.carrierKeys);
  const targets = openTargets({
    arePrivateTargetsAllowed: settings.callbackPrivateTargets === "allow",
    attemptMs: callMs,
    atOnceMax: callsPerOriginMax,
  });
  const loop = startCallbackLoop({
    sql,
    intervalMs: settings.sweepIntervalMs,
    secretsOf: (workspaceId) => signingSecrets({ sql, seal }, workspaceId),
    post: targets.post,
    onAttempt: (failure) => calls.inc({ outcome: failure ?? "accepted" }),
    onGivenUp: (messages) => givenUp.inc(messages),
    log,
  });
  return {
    async close() {
      await loop.close();
      await targets.close();
    },
  };
}
