// The secrets that sign a workspace's callbacks: made on first use, replaced on demand, sealed at
// rest with the keys that seal carriers' secrets, bound to their workspace. Called by salesapi, and
// by sales_worker when it is the first to need one.
import { randomBytes } from "node:crypto";
import type { CallbackSecretAnswer } from "../../contracts/messages.ts";
import { type AnySql, inTransaction, type Sql } from "../../platform/postgres.ts";
import { withSealKeys } from "../../platform/seal_keys.ts";
import type { Seal } from "../../platform/sealed.ts";

/** As Standard Webhooks recommend: 24 to 64. */
const secretBytes = 32;
/** Callbacks are signed with the old secret too for this long: receivers change at their leisure. */
const previousHours = 24;

export interface SecretStore {
  sql: Sql;
  seal: Seal;
}

interface SecretRow {
  sealedSecret: Buffer | null;
  madeAt: Date | null;
  sealedPrevious: Buffer | null;
  previousUntil: Date | null;
}

/** @throws AppError carrier_keys_unreadable */
export async function readCallbackSecret({ sql, seal }: SecretStore, workspaceId: string): Promise<CallbackSecretAnswer> {
  return answerOf(seal, workspaceId, await readOrMake({ sql, seal }, workspaceId));
}

/** The newest first: what a callback is signed with. @throws AppError carrier_keys_unreadable */
export async function signingSecrets({ sql, seal }: SecretStore, workspaceId: string): Promise<string[]> {
  const { sealedSecret, sealedPrevious } = await readOrMake({ sql, seal }, workspaceId);
  return withSealKeys(() => [sealedSecret, sealedPrevious].flatMap((sealed) => (sealed === null ? [] : [seal.open(sealed, workspaceId)])));
}

/**
 * A new secret; the one before it signs as well for a day, the one before that no more.
 * @throws AppError carrier_keys_unreadable
 */
export async function rotateCallbackSecret({ sql, seal }: SecretStore, workspaceId: string): Promise<CallbackSecretAnswer> {
  await readOrMake({ sql, seal }, workspaceId);
  const sealed = freshSecret(seal, workspaceId);
  const [row] = await sql<SecretRow[]>`
    update callback_account a set sealed_secret = ${sealed}, secret_made_at = now(), sealed_previous = a.sealed_secret,
      previous_until = now() + ${previousHours}::int * interval '1 h'
    where workspace_id = ${workspaceId} returning ${columns(sql)}`;
  return answerOf(seal, workspaceId, row as SecretRow);
}

/**
 * All of the installation under the newest key of the file. One that is rotated at the same moment
 * is left as it is: it is sealed with that key already.
 * @returns how many
 */
export async function resealCallbackSecrets({ sql, seal }: SecretStore): Promise<number> {
  const again = (sealed: Buffer | null, workspaceId: string) =>
    sealed === null ? null : seal.seal(seal.open(sealed, workspaceId), workspaceId);
  return inTransaction(sql, async (transaction) => {
    const rows = await transaction<(SecretRow & { workspaceId: string })[]>`
      select workspace_id as "workspaceId", sealed_secret as "sealedSecret", sealed_previous as "sealedPrevious"
      from callback_account where sealed_secret is not null order by workspace_id for update`;
    for (const { workspaceId, sealedSecret, sealedPrevious } of rows) {
      const [secret, previous] = withSealKeys(() => [again(sealedSecret, workspaceId), again(sealedPrevious, workspaceId)]);
      await transaction`
        update callback_account set sealed_secret = ${secret ?? null}, sealed_previous = ${previous ?? null} where workspace_id = ${workspaceId}`;
    }
    return rows.length;
  });
}

async function readOrMake({ sql, seal }: SecretStore, workspaceId: string): Promise<SecretRow> {
  const known = await read(sql, workspaceId);
  if (known !== null && known.sealedSecret !== null) return known;
  // of several who make one at once the first is kept
  await sql`
    insert into callback_account (workspace_id, sealed_secret, secret_made_at) values (${workspaceId}, ${freshSecret(seal, workspaceId)}, now())
    on conflict (workspace_id) do update set sealed_secret = excluded.sealed_secret, secret_made_at = excluded.secret_made_at
    where callback_account.sealed_secret is null`;
  return (await read(sql, workspaceId)) as SecretRow;
}

async function read(sql: AnySql, workspaceId: string): Promise<SecretRow | null> {
  const [row] = await sql<SecretRow[]>`select ${columns(sql)} from callback_account a where workspace_id = ${workspaceId}`;
  return row ?? null;
}

/** A previous one whose time is over is none. */
const columns = (sql: AnySql) => sql`a.sealed_secret as "sealedSecret", a.secret_made_at as "madeAt",
  case when a.previous_until > now() then a.sealed_previous end as "sealedPrevious",
  case when a.previous_until > now() then a.previous_until end as "previousUntil"`;

const freshSecret = (seal: Seal, workspaceId: string): Buffer =>
  withSealKeys(() => seal.seal(`whsec_${randomBytes(secretBytes).toString("base64")}`, workspaceId));

function answerOf(seal: Seal, workspaceId: string, { sealedSecret, madeAt, previousUntil }: SecretRow): CallbackSecretAnswer {
  return {
    secret: withSealKeys(() => seal.open(sealedSecret as Buffer, workspaceId)),
    made_at: (madeAt as Date).toISOString(),
    previous_until: previousUntil?.toISOString() ?? null,
  };
}
