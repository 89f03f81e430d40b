// Messages from phones: stored before the carrier hears that we have them. Nothing shows them yet.
import type { InboundMessage } from "../../carriers/link.ts";
import type { Sql } from "../../platform/postgres.ts";

const clean = (text: string): string => text.replaceAll("\0", "");

/** @throws AppError service_unavailable: not stored, the carrier repeats it */
export async function keepInbound(sql: Sql, carrierId: string, { from, to, text, theirId, part, raw }: InboundMessage): Promise<void> {
  await sql`
    insert into inbound_message (carrier_id, from_phone, to_address, text, their_id, part_reference, part_total, part_number, body)
    values (${carrierId}, ${clean(from).slice(0, 40)}, ${clean(to).slice(0, 40)}, ${clean(text)}, ${theirId},
      ${part?.reference ?? null}, ${part?.total ?? null}, ${part?.number ?? null}, ${clean(raw).slice(0, 4_000)})`;
}
