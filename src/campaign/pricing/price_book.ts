// The price list as salesapi knows it: asked of rpc, remembered in memory and in salesdb, so that
// imports go on with the last known list while rpc is away, also after a restart.
import { type PriceList, type Pricing, pricingOf } from "../../contracts/prices.ts";
import type { CreditClient } from "../../platform/grpc.ts";
import { errorFields, type Log } from "../../platform/log.ts";
import type { Sql } from "../../platform/postgres.ts";

export interface PriceBook {
  /**
   * The newest list, not older than `ageMaxMs`, unless rpc does not answer: then the last known
   * one.
   * @throws AppError service_unavailable when salesdb does not answer either
   */
  current(ageMaxMs?: number): Promise<Pricing>;
}

export interface PriceBookOptions {
  sql: Sql;
  credit: Pick<CreditClient, "getPriceList">;
  log: Log;
}

/** Not every upload asks, and a new price is known within seconds. */
const ageMaxDefaultMs = 5_000;
/** Inside the two seconds of an answer, with room for the rest of the work. */
const askDeadlineMs = 500;

export function openPriceBook({ sql, credit, log }: PriceBookOptions): PriceBook {
  let known: { pricing: Pricing; askedAtMs: number } | null = null;
  /** One question at a time; everybody who waits gets its answer. */
  let asking: Promise<Pricing> | null = null;

  async function ask(): Promise<Pricing> {
    const askedAtMs = performance.now();
    try {
      const { version, prices } = await credit.getPriceList({}, { deadlineMs: askDeadlineMs });
      if (known === null || version > known.pricing.version) {
        await remember(sql, { version, prices });
        known = { pricing: pricingOf({ version, prices }), askedAtMs };
      } else known.askedAtMs = askedAtMs;
    } catch (error) {
      log.warn({ event: "price_list.unknown", ...errorFields(error) });
      known ??= { pricing: pricingOf(await readLastKnown(sql)), askedAtMs: Number.NEGATIVE_INFINITY };
    }
    return known.pricing;
  }

  return {
    async current(ageMaxMs = ageMaxDefaultMs) {
      if (known !== null && performance.now() - known.askedAtMs <= ageMaxMs) return known.pricing;
      asking ??= ask().finally(() => {
        asking = null;
      });
      return asking;
    },
  };
}

async function remember(sql: Sql, { version, prices }: PriceList): Promise<void> {
  await sql`
    insert into known_price_list (version, prices) values (${version}, ${sql.json([...prices] as never)}) on conflict (version) do nothing`;
}

async function readLastKnown(sql: Sql): Promise<PriceList> {
  const [list] = await sql<PriceList[]>`select version, prices from known_price_list order by version desc limit 1`;
  if (list === undefined) throw new Error("salesdb knows no price list");
  return list;
}
