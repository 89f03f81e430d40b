// The carrier that a campaign is to be sent through, and what it may be given. Looked up before a
// row is read: POST /create and POST /quote.
import type { Destinations } from "../../contacts/csv/row_verdicts.ts";
import { builtInCarrier, type CarrierAnswer } from "../../contracts/carriers.ts";
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
  const isSimulated = row.isSimulated === true;
  if (!isSimulated) requireSender(name, row.senders, wish);
  const phones = row.state === "test_only" ? new Set(row.testPhones.map(Number)) : null;
  const countries = isSimulated ? null : new Set([defaults.defaultCountry, ...row.countries]);
  const destinations = phones === null && countries === null ? null : { countries, phones };
  return { carrierId: row.id, name, isSimulated, destinations };
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
