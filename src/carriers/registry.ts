// The carriers of the installation: rows of the table `carrier`. Written here alone; sales_worker
// notes besides what it learns of them. Secrets are sealed to the carrier's id.
import {
  builtInCarrier,
  type CarrierChange,
  type CarrierSettings,
  type CarrierState,
  type IdRule,
  type InstalledCarrier,
  isCarrierName,
  type NewCarrier,
} from "../contracts/carriers.ts";
import { AppError } from "../contracts/errors.ts";
import { campaignSets } from "../contracts/states.ts";
import { inTransaction, type Sql, type TransactionSql } from "../platform/postgres.ts";
import { withSealKeys } from "../platform/seal_keys.ts";
import type { Seal } from "../platform/sealed.ts";
import { statusIn } from "../platform/state_sql.ts";
import { isCountry } from "../sms/numbers.ts";

export interface Registry {
  sql: Sql;
  seal: Seal;
}

/** Most entries of one of its lists. */
const entriesMax = 1_000;

interface CarrierRow {
  id: string;
  state: CarrierState;
  settings: CarrierSettings;
  sealedSecret: Buffer;
  senders: string[];
  countries: string[];
  testPhones: string[];
}

/** All but those removed, by name. */
export async function listCarriers(sql: Sql): Promise<InstalledCarrier[]> {
  const rows = await sql<ListedRow[]>`${listedColumns(sql)} from carrier r where r.state <> 'removed' order by r.name`;
  return rows.map(toAnswer);
}

/**
 * A new carrier, test_only. The name of a removed one is free again when no campaign refers to it.
 * @throws AppError carrier_name_taken, request_invalid, carrier_keys_unreadable
 */
export async function addCarrier({ sql, seal }: Registry, carrier: NewCarrier): Promise<InstalledCarrier> {
  const { name, settings } = carrier;
  requireCountries("countries", carrier.countries);
  requireCountries("countries_without_receipts", settings.countries_without_receipts);
  if (name === builtInCarrier) throw nameTaken(name, "it is the simulator of this installation");
  return inTransaction(sql, async (transaction) => {
    const [earlier] = await transaction<{ id: string; isReusable: boolean }[]>`
      select id, state = 'removed' and not exists (select from bulksms b where b.carrier_id = r.id) as "isReusable"
      from carrier r where name = ${name} for update`;
    if (earlier !== undefined && !earlier.isReusable) throw nameTaken(name, "a carrier has it, or had it when campaigns were sent");
    // drawn first: the secret is sealed to it
    const [drawn] = earlier === undefined ? await transaction<{ id: string }[]>`select uuidv7() as id` : [earlier];
    const id = (drawn as { id: string }).id;
    const sealed = sealSecret(seal, carrier.secret, id);
    const [senders, countries, phones] = [unique(carrier.senders), unique(carrier.countries), unique(carrier.test_phones.map(digitsOf))];
    const added = await transaction`
      insert into carrier as r (id, name, settings, sealed_secret, senders, countries, test_phones)
      values (${id}, ${name}, ${transaction.json(settings)}, ${sealed}, ${senders}, ${countries}, ${phones}::text[]::bigint[])
      on conflict (name) do update set settings = excluded.settings, sealed_secret = excluded.sealed_secret, state = 'test_only',
        senders = excluded.senders, countries = excluded.countries, test_phones = excluded.test_phones, is_simulated = null,
        last_error = null, last_error_at = null, version = r.version + 1
      where r.id = excluded.id
      returning id`;
    if (added.length === 0) throw nameTaken(name, "another one was added at the same time");
    return readCarrier(transaction, id);
  });
}

/**
 * Does all that is asked, or nothing. What changes nothing leaves the version as it is.
 * @throws AppError carrier_not_found, carrier_busy, request_invalid, carrier_keys_unreadable
 */
export async function changeCarrier({ sql, seal }: Registry, name: string, change: CarrierChange): Promise<InstalledCarrier> {
  requireCountries("countries", change.countries?.add ?? []);
  if (!isCarrierName(name)) throw notFound(name);
  return inTransaction(sql, async (transaction) => {
    const [row] = await transaction<CarrierRow[]>`
      select id, state, settings, sealed_secret as "sealedSecret", senders, countries, test_phones::text[] as "testPhones"
      from carrier where name = ${name} and state <> 'removed' for update`;
    if (row === undefined) throw notFound(name);
    // from here on no campaign begins on it: whoever runs one locks the carrier as well
    const state = change.state ?? row.state;
    if (state !== row.state && (state === "removed" || state === "test_only")) await requireIdle(transaction, row.id, name, state);
    const next = changed(row, change, state);
    if (change.secret !== undefined) next.sealedSecret = sealSecret(seal, change.secret, row.id);
    if (JSON.stringify(next) !== JSON.stringify(row)) await write(transaction, next);
    if (change.reseal === true) await reseal(transaction, seal, next);
    return readCarrier(transaction, row.id);
  });
}

function changed(row: CarrierRow, change: CarrierChange, state: CarrierState): CarrierRow {
  const phones = change.test_phones;
  return {
    ...row,
    state,
    settings: { ...withReceiptIds(row.settings, change.receipt_ids), ...definedOf(change.limits ?? {}) },
    senders: merged("senders", row.senders, change.senders),
    countries: merged("countries", row.countries, change.countries),
    testPhones: merged("test_phones", row.testPhones, phones && { add: phones.add.map(digitsOf), remove: phones.remove.map(digitsOf) }),
  };
}

/** @throws AppError request_invalid */
function withReceiptIds(settings: CarrierSettings, rule: IdRule | undefined): CarrierSettings {
  if (rule === undefined) return settings;
  if (settings.protocol !== "smpp") throw new AppError("request_invalid", "receipt_ids: only receipts of SMPP need a rule.");
  return { ...settings, receipt_ids: rule };
}

async function write(transaction: TransactionSql, row: CarrierRow): Promise<void> {
  await transaction`
    update carrier set state = ${row.state}, settings = ${transaction.json(row.settings)}, sealed_secret = ${row.sealedSecret},
      senders = ${row.senders}, countries = ${row.countries}, test_phones = ${row.testPhones}::text[]::bigint[], version = version + 1,
      rests_until = null, rest_reason = null,
      proposed_receipt_ids = null
    where id = ${row.id}`;
}

/** The same secret under the newest key: its links need not be opened anew. */
async function reseal(transaction: TransactionSql, seal: Seal, { id, sealedSecret }: CarrierRow): Promise<void> {
  const sealed = sealSecret(seal, openSecret(seal, sealedSecret, id), id);
  await transaction`update carrier set sealed_secret = ${sealed} where id = ${id}`;
}

/**
 * A carrier that is removed, or texts its test phones alone, could not end what has begun.
 * @throws AppError carrier_busy
 */
async function requireIdle(transaction: TransactionSql, carrierId: string, name: string, state: CarrierState): Promise<void> {
  const begun = statusIn(transaction, "status", ["reserving", ...campaignSets.open]);
  const [found] = await transaction<{ campaigns: number }[]>`
    select count(*)::int as campaigns from bulksms where carrier_id = ${carrierId} and ${begun}`;
  const campaigns = found?.campaigns ?? 0;
  if (campaigns === 0) return;
  const count = campaigns === 1 ? "1 campaign" : `${campaigns} campaigns`;
  throw new AppError("carrier_busy", `${name} cannot become ${state}: ${count} of it must end, or be canceled, first. It can be paused.`, {
    details: { campaigns },
  });
}

async function readCarrier(transaction: TransactionSql, id: string): Promise<InstalledCarrier> {
  const [row] = await transaction<ListedRow[]>`${listedColumns(transaction)} from carrier r where r.id = ${id}`;
  return toAnswer(row as ListedRow);
}

interface ListedRow extends Omit<InstalledCarrier, "last_error_at" | "created_at" | "rests" | "links" | "test_phones"> {
  testPhones: string[];
  links: InstalledCarrier["links"];
  restsUntil: Date | null;
  restReason: string | null;
  lastErrorAt: Date | null;
  createdAt: Date;
}

const listedColumns = (sql: Sql | TransactionSql) => sql`
  select r.name, r.state, r.is_simulated as simulated, r.settings, r.senders, r.countries, r.test_phones::text[] as "testPhones",
    r.version, case when r.rests_until > now() then r.rests_until end as "restsUntil", r.rest_reason as "restReason", r.proposed_receipt_ids,
    r.last_error, r.last_error_at as "lastErrorAt", r.created_at as "createdAt",
    coalesce((select json_agg(json_build_object('slot', l.slot, 'state', l.state, 'description', l.description, 'changed_at', l.changed_at,
      'waits_until', case when l.state in ('resting', 'over') and l.open_after > now() then l.open_after end)
      order by l.slot) from carrier_link l where l.carrier_id = r.id and l.slot <= (r.settings ->> 'links')::int), '[]') as links,
    (select count(*)::int from (
      select distinct d.bulksms_id, d.row_no from doubt_event e join doubt_message d on d.event_id = e.id
      join bulksms_info m on m.bulksms_id = d.bulksms_id and m.row_no = d.row_no
      where e.carrier_id = r.id and m.status = 'unknown') doubted) as in_doubt,
    (select count(*)::int from receipt_waiting w where w.carrier_id = r.id) as receipts_waiting`;

function toAnswer({ testPhones, restsUntil, restReason, lastErrorAt, createdAt, links, ...row }: ListedRow): InstalledCarrier {
  return {
    ...row,
    test_phones: testPhones.map((digits) => `+${digits}`),
    links: links.map((link) => ({
      ...link,
      changed_at: timeOf(link.changed_at),
      waits_until: link.waits_until && timeOf(link.waits_until),
    })),
    rests: restsUntil === null ? null : { until: restsUntil.toISOString(), reason: restReason ?? "" },
    last_error_at: lastErrorAt?.toISOString() ?? null,
    created_at: createdAt.toISOString(),
  };
}

/** @throws AppError request_invalid */
function merged(field: string, entries: readonly string[], change: { add: string[]; remove: string[] } | undefined): string[] {
  if (change === undefined) return [...entries];
  const kept = entries.filter((entry) => !change.remove.includes(entry));
  const all = unique([...kept, ...change.add]);
  if (all.length > entriesMax) throw new AppError("request_invalid", `${field}: a carrier has at most ${entriesMax} of them.`);
  return all;
}

/** @throws AppError request_invalid */
function requireCountries(field: string, countries: readonly string[]): void {
  const unknown = countries.find((country) => !isCountry(country));
  if (unknown !== undefined) throw new AppError("request_invalid", `${field}: ${unknown} is no country (ISO 3166, two letters).`);
}

const sealSecret = (seal: Seal, secret: string, id: string): Buffer => withSealKeys(() => seal.seal(secret, id));
const openSecret = (seal: Seal, sealed: Buffer, id: string): string => withSealKeys(() => seal.open(sealed, id));

const notFound = (name: string) => new AppError("carrier_not_found", `There is no carrier ${JSON.stringify(name.slice(0, 40))}.`);
const nameTaken = (name: string, reason: string): AppError =>
  new AppError("carrier_name_taken", `The name ${name} is taken: ${reason}. Choose another.`, { details: { name } });

/** RFC 3339 in UTC, of what JSON made of it in the database. */
const timeOf = (written: string): string => new Date(written).toISOString();
const digitsOf = (phone: string): string => phone.slice(1);
const unique = (entries: readonly string[]): string[] => [...new Set(entries)];

/** Without what was not given. */
function definedOf<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
