// All crash points: where each is tried, what must come of it, and why some cannot exist
// here. The failpoints themselves: src/contracts/failpoints.ts.
import { deepEqual, equal, ok } from "node:assert/strict";
import type { FailpointName } from "../../../src/contracts/failpoints.ts";
import type { CrashLab } from "./crash_lab.ts";
import type { ScriptedCampaign, ScriptName } from "./crash_scripts.ts";

export type PointName = `C${number}`;

/** The expected outcome of each, in the words of the design. */
export const outcomes: Readonly<Record<PointName, string>> = {
  C01: "nothing has happened; the client repeats with the same Idempotency-Key",
  C02: "import_failed after its lease, rows purged; the same key imports again",
  C03: "the same key gets the stored 201; no second campaign",
  C04: "the sweeper asks rpc",
  C05: "nothing in ds; as C04",
  C06: "the repeat finds the hold; held once",
  C07: "as C06",
  C08: "the sweeper rings",
  C09: "the repeat gets the same refusal; ready again, and it runs when there is credit",
  C10: "the sweeper rings",
  C11: "the lease ends; rows above the intent are untouched, rows up to it are submitted by reference",
  C12: "as C11; the carrier repeats its verdicts",
  C13: "submitted again",
  C14: "submitted again, with the same verdicts",
  C15: "as C14, or a receipt comes first and moves the row up",
  C16: "as C15",
  C17: "the next round finds nothing to do",
  C18: "the carrier continues from its journal",
  C19: "the carrier calls back from its journal",
  C20: "no 2xx, the carrier repeats",
  C21: "the repeat changes nothing, 2xx",
  C22: "as C20",
  C23: "the sweeper relays",
  C24: "claimed again when due",
  C25: "settled again",
  C26: "the repeat moves nothing and is confirmed",
  C27: "the next credit carries the version",
  C28: "as C26",
  C29: "the sweeper releases",
  C30: "the repeat releases 0",
  C31: "as C30",
  C32: "the worker stops; what is in flight is bounded; resume continues",
  C33: "the sweeper cancels the rest",
  C34: "read again by key, done once",
  C35: "the pool repeats the transaction",
  C36: "the sweeper rings from the rows",
  C37: "it submits nothing more and records the answers that it has; the carrier repeats its verdicts",
  C38: "unique keys and SKIP LOCKED share the work",
  C39: "charged once",
  C40: "the release waits for every confirmation",
  C41: "it has no list and does not run; the next one who accepts goes on",
  C42: "the lease of the link ends; nothing is in doubt",
  C43: "what was intended is in doubt, listed, at most two windows",
  C44: "as C43; receipts resolve it",
  C45: "as C44",
  C46: "as C45; the carrier repeats the receipts",
  C47: "what is recorded stands; the carrier repeats the receipts",
  C48: "the application is told once more, under the same id",
  C49: "the repeat gets the same text; the sweeper reserves",
};

/** Points that cannot exist in this design, and why. */
export const impossible: Readonly<Partial<Record<PointName, string>>> = {};

interface Trial {
  script: ScriptName;
  /** The later hit is drawn from 2 to this number; 1: a process reaches it once. */
  laterHitMax: number;
  /** Checks what must be true of this point only. @throws AssertionError */
  expects?(lab: CrashLab, campaigns: readonly ScriptedCampaign[], hit: number): Promise<void>;
}

const perCreate = { script: "sendBeside", laterHitMax: 3 } as const;
const perLease = { script: "sendBeside", laterHitMax: 8 } as const;
const perChunk = { script: "send", laterHitMax: 8 } as const;
const perBatch = { script: "send", laterHitMax: 12 } as const;
const perJob = { script: "send", laterHitMax: 4 } as const;
const perLink = { script: "sendByLink", laterHitMax: 12 } as const;
const perEnd = { script: "send", laterHitMax: 2 } as const;

export const trials: Readonly<Record<FailpointName, Trial>> = {
  upload_received: { ...perCreate, expects: (lab) => expectImportsGivenUp(lab, 0) },
  rows_uncommitted: { ...perCreate, expects: (lab) => expectImportsGivenUp(lab, 1) },
  rows_copied: { ...perCreate, expects: (lab) => expectImportsGivenUp(lab, 1) },
  import_committed: {
    ...perCreate,
    async expects(_lab, campaigns, hit) {
      const replayed = campaigns.map(({ created }) => created.headers.get("idempotent-replayed") === "true");
      deepEqual(
        replayed,
        campaigns.map((_, index) => index === hit - 1),
      );
    },
  },
  run_committed: perCreate,
  hold_uncommitted: perCreate,
  hold_committed: perCreate,
  hold_answered: perCreate,
  running_committed: perCreate,
  refusal_answered: { script: "runPoor", laterHitMax: 2 },
  refusal_released: { script: "runPoor", laterHitMax: 2 },
  job_taken: perLease,
  chunk_leased: perLease,
  intent_committed: perChunk,
  submit_begins: perChunk,
  body_half_journaled: { script: "sendWide", laterHitMax: 6 },
  verdict_unjournaled: perChunk,
  verdict_journaled: { ...perChunk, expects: expectRepeats },
  submit_answered: perChunk,
  answers_uncommitted: perChunk,
  answers_committed: perChunk,
  sending_begins: { script: "send", laterHitMax: 150 },
  sending_journaled: perBatch,
  receipts_received: perBatch,
  receipts_uncommitted: perBatch,
  charge_committed: perBatch,
  receipts_committed: perBatch,
  outbox_claimed: perJob,
  settle_uncommitted: perJob,
  settle_committed: perJob,
  settle_published: perJob,
  confirmation_received: perJob,
  settling_committed: perEnd,
  release_committed: perEnd,
  hold_released: perEnd,
  pause_committed: { script: "pauseAndResume", laterHitMax: 2 },
  cancel_step_committed: { script: "cancelHalfway", laterHitMax: 3 },
  reprice_step_committed: { script: "reprice", laterHitMax: 4 },
  message_committed: { script: "sendMessages", laterHitMax: 4 },
  callback_answered: { script: "sendMessages", laterHitMax: 8 },
  link_taken: { script: "sendByLink", laterHitMax: 1 },
  link_intended: perLink,
  link_submitted: perLink,
  link_answered: perLink,
  link_uncommitted: perLink,
  link_recorded: perLink,
};

/** Imports that died stand as `import_failed`, and no row is left of them. */
async function expectImportsGivenUp(lab: CrashLab, count: number): Promise<void> {
  const prefix = `${lab.prefix} %`;
  await lab.cluster.waitFor(`${count} imports to be given up`, async () => {
    const failed =
      await lab.salesdb`select from bulksms where name like ${prefix} and status = 'import_failed' and last_error = 'import_lost'`;
    const importing = await lab.salesdb`select from bulksms where name like ${prefix} and status = 'importing'`;
    return failed.length === count && importing.length === 0;
  });
  const left = await lab.salesdb`
    select from bulksms b where b.name like ${prefix} and b.status = 'import_failed' and exists (select from bulksms_info m where m.bulksms_id = b.id)`;
  equal(left.length, 0, "rows of a dead import are left");
}

/** The carrier got repeats of what it had judged, and of nothing else. */
async function expectRepeats(lab: CrashLab, campaigns: readonly ScriptedCampaign[]): Promise<void> {
  const batches = await Promise.all(campaigns.map(({ id }) => lab.client.batch(id)));
  ok(
    batches.some(({ repeats = 0 }) => repeats > 0),
    "nothing was submitted again",
  );
  ok(
    batches.every(({ repeats_differing = 0 }) => repeats_differing === 0),
    "a repeat carried another message",
  );
}
