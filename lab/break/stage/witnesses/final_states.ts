// L8 along the way: a trigger in the lab's salesdb records each message that leaves a final state,
// falls to a lower state or loses the mark of its charge. A check at the end cannot see one that
// left and came back.
import { firstFinalStatus } from "../../../../src/contracts/states.ts";
import { createFinding } from "../../../../src/laws/law.ts";
import { openPostgres, type Sql } from "../../../../src/platform/postgres.ts";
import { isFinalSql } from "../../../../src/platform/state_sql.ts";
import type { OpenWitness } from "../scenario.ts";

export const finalStates: OpenWitness = async ({ cluster, bulksmsIds }) => {
  const sql = openPostgres(cluster.settings.BULKSMS_SALESDB_OWNER_URL ?? "", { applicationName: "bulksms lab", connections: 1 });
  await install(sql);
  const [mark] = await sql<{ id: string }[]>`select coalesce(max(id), 0)::text as id from lab_state_left`;
  return {
    async conclude() {
      const startedMs = performance.now();
      const finding = createFinding();
      const [counted] = await sql<{ messages: number }[]>`
        select count(*)::int as messages from bulksms_info where bulksms_id = any(${bulksmsIds as string[]}) and ${isFinalSql(sql, "status")}`;
      finding.compared(counted?.messages ?? 0);
      const left = await sql<{ message: string; before: string; after: string | null }[]>`
        select bulksms_id || '.' || row_no as message, before, after from lab_state_left where id > ${mark?.id ?? "0"}::bigint order by id`;
      for (const { message, before, after } of left) finding.broken(`bulksms_info ${message}`, `${before} became ${after ?? "nothing"}`);
      return {
        law: "L8",
        title: "the trigger saw no message leave a final state, fall, or lose the mark of its charge",
        form: "settled",
        ...finding.result(),
        durationMs: Math.round(performance.now() - startedMs),
      };
    },
    close: () => sql.end({ timeout: 1 }),
  };
};

/**
 * Installed once per cluster. The function runs with its owner's rights: the processes have no
 * rights on this table, and need none.
 */
async function install(sql: Sql): Promise<void> {
  const [found] = await sql`select 1 from pg_trigger where tgname = 'lab_state_left_by_update' and not tgisinternal`;
  if (found !== undefined) return;
  await sql.unsafe(`
    begin;
    create table lab_state_left (
      id bigint generated always as identity primary key,
      bulksms_id uuid not null, row_no int not null, before text not null, after text, at timestamptz not null default now()
    );
    create function lab_note_state_left() returns trigger language plpgsql security definer set search_path = public as $$
    begin
      insert into lab_state_left (bulksms_id, row_no, before, after) values (old.bulksms_id, old.row_no,
        old.status || case when old.sent_at is null then '' else ' and charged' end,
        case when tg_op = 'UPDATE' then new.status || case when new.sent_at is null then '' else ' and charged' end end);
      return null;
    end $$;
    create trigger lab_state_left_by_update after update on bulksms_info for each row
      when (new.status < old.status or (old.status >= '${firstFinalStatus}' and new.status <> old.status)
        or (old.sent_at is not null and new.sent_at is distinct from old.sent_at))
      execute function lab_note_state_left();
    create trigger lab_state_left_by_delete after delete on bulksms_info for each row
      when (old.status <> 'pending')
      execute function lab_note_state_left();
    commit`);
}
