// The carriers that a campaign can be sent through, and what each may be given: listed for those
// who choose one, and looked up before a row is read, by POST /create and POST /quote.
import type { Destinations } from "../../contacts/csv/row_verdicts.ts";
import { builtInCarrier, type CarrierAnswer, type CarrierChoice, type CarrierChoicesAnswer } from "../../contracts/carriers.ts";
import { AppError } from "../../contracts/errors.ts";
import type { Sql } from "../../platform/postgres.ts";

export interface ChosenCarrier {
  /** null: the simulator behind the own dialect. */
  carrierId: string | null;
  name: string;
  isSimulated: boolean;
  /** null: every number. */
  destinations: Destinations | null;
}

export interface CarrierWish {
  /** null: the installation's default. */
  carrierName: string | null;
  sender: string;
  /** The sender was named, not only filled in. */
  isSenderNamed: boolean;
}

export interface CarrierDefaults {
  defaultCarrier: string;
  defaultCountry: string;
}

interface CarrierRow {
  id: string;
  state: "test_only" | "live" | "paused" | "removed";
  senders: string[];
  countries: string[];
  testPhones: string[];
  isSimulated: boolean | null;
}

/**
 * A real carrier limits senders to its list, and destinations to the installation's country and
 * those that it allows; one that is only tested, to its test phones. The simulator limits nothing.
 * @throws AppError carrier_not_found, sender_not_allowed
 */
export async function chooseCarrier(sql: Sql, wish: CarrierWish, defaults: CarrierDefaults): Promise<ChosenCarrier> {
  const name = wish.carrierName ?? defaults.defaultCarrier;
  if (name === builtInCarrier) return { carrierId: null, name, isSimulated: true, destinations: null };
  const [row] = await sql<CarrierRow[]>`
    select id, state, senders, countries, test_phones::text[] as "testPhones", is_simulated as "isSimulated"
    from carrier where name = ${name} and state <> 'removed'`;
  if (row === undefined) throw new AppError("carrier_not_found", `There is no carrier ${JSON.stringify(name.slice(0, 40))}.`);
  const { isSimulated, senders, countries } = limitsOf(row, defaults);
  if (senders !== null) requireSender(name, senders, wish);
  const phones = row.state === "test_only" ? new Set(row.testPhones.map(Number)) : null;
  const destinations = phones === null && countries === null ? null : { countries: countries && new Set(countries), phones };
  return { carrierId: row.id, name, isSimulated, destinations };
}

/** Those that a campaign can begin on now; nothing of how they are reached, nor their phones. */
export async function listCarrierChoices(sql: Sql, defaults: CarrierDefaults): Promise<CarrierChoicesAnswer> {
  const rows = await sql<(Limited & { name: string; state: CarrierChoice["state"] })[]>`
    select name, state, senders, countries, is_simulated as "isSimulated"
    from carrier where state in ('test_only', 'live') order by name`;
  const simulator: CarrierChoice = { name: builtInCarrier, simulated: true, state: "live", senders: null, countries: null };
  const others = rows.map((row): CarrierChoice => {
    const { isSimulated, senders, countries } = limitsOf(row, defaults);
    return { name: row.name, simulated: isSimulated, state: row.state, senders, countries };
  });
  return { carriers: [simulator, ...others], default: defaults.defaultCarrier };
}

type Limited = Pick<CarrierRow, "senders" | "countries" | "isSimulated">;

/** One that has not answered yet counts as real. null: no limit. */
function limitsOf({ senders, countries, isSimulated }: Limited, { defaultCountry }: CarrierDefaults) {
  if (isSimulated === true) return { isSimulated: true, senders: null, countries: null };
  return { isSimulated: false, senders, countries: [...new Set([defaultCountry, ...countries])] };
}

function requireSender(carrier: string, senders: readonly string[], { sender, isSenderNamed }: CarrierWish): void {
  if (isSenderNamed && senders.includes(sender)) return;
  const allowed = senders.length === 0 ? "It has none yet" : `It may use ${senders.join(", ")}`;
  const asked = isSenderNamed ? `${sender} is not among the senders of ${carrier}` : `${carrier} needs a sender, named with the campaign`;
  throw new AppError("sender_not_allowed", `${asked}. ${allowed}.`, { details: { carrier, senders: [...senders] } });
}

/**
 * The examples' phones are made up; some may belong to somebody.
 * @param isExample null: nobody knows, which is refused too
 * @throws AppError example_file_refused
 */
export function refuseExampleFile({ isSimulated, name }: ChosenCarrier, isExample: boolean | null): void {
  if (isSimulated || isExample === false) return;
  if (isExample === null)
    throw new AppError(
      "example_file_refused",
      "It was imported before it was kept whether a file is one of the examples. Send the file again.",
    );
  throw new AppError("example_file_refused", `This is a file of examples, whose phones are made up: it is not sent through ${name}.`);
}

export const carrierAnswerOf = ({ name, isSimulated }: Pick<ChosenCarrier, "name" | "isSimulated">): CarrierAnswer => ({
  name,
  simulated: isSimulated,
});
