// How carriers are shown: a table of all, the links of one. Pure.
import type { InstalledCarrier } from "../contracts/carriers.ts";
import { shownName } from "./shown_text.ts";
import { alignColumns, formatCount, type Terminal } from "./terminal.ts";

type Link = InstalledCarrier["links"][number];

/** Whether all its links are bound, and none is still as in `stale`. */
export function areLinksBound({ settings, links }: Pick<InstalledCarrier, "settings" | "links">, stale: readonly Link[]): boolean {
  const isFresh = ({ slot, changed_at }: Link) => !stale.some((old) => old.slot === slot && old.changed_at === changed_at);
  return links.filter((link) => link.state === "bound" && isFresh(link)).length === settings.links;
}

export function renderCarriers(terminal: Terminal, carriers: readonly InstalledCarrier[]): string[] {
  const rest = ({ rests }: InstalledCarrier) => (rests === null ? [] : [`rests until ${rests.until.slice(11, 19)} UTC: ${rests.reason}`]);
  const head = ["name", "protocol", "state", "reaches", "bound", "in doubt", "receipts waiting", "rest, last error"].map(terminal.dim);
  const rows = carriers.map((carrier) => [
    carrier.name,
    carrier.settings.protocol,
    carrier.state,
    carrier.simulated === null ? "not known yet" : carrier.simulated ? "nobody: simulated" : "phones",
    `${carrier.links.filter(({ state }) => state === "bound").length} of ${carrier.settings.links}`,
    formatCount(carrier.in_doubt),
    formatCount(carrier.receipts_waiting),
    shownName([...rest(carrier), carrier.last_error ?? ""].filter((text) => text !== "").join("; "), 100),
  ]);
  return [...alignColumns([head, ...rows], [5, 6]), ...carriers.flatMap(proposalOf)];
}

/** What would join the receipts that wait. */
const proposalOf = ({ name, proposed_receipt_ids: rule }: InstalledCarrier): string[] =>
  rule === null
    ? []
    : [`${name}: its receipts match with --receipt-ids ${rule}. To apply it: npx bulksms carriers ids ${name} --receipt-ids ${rule}`];

export function renderLinks(terminal: Terminal, carrier: InstalledCarrier, isBound: boolean): string[] {
  const links = carrier.links.map(({ slot, state, description }) => [terminal.dim(`link ${slot}`), state, shownName(description, 80)]);
  const error = carrier.last_error === null ? [] : [`last error: ${shownName(carrier.last_error, 120)}`];
  const sender = carrier.senders[0] === undefined ? "" : ` --sender "${carrier.senders[0]}"`;
  const next = isBound
    ? [`${carrier.name} is bound. A text to a test phone: npx bulksms send FILE --carrier ${carrier.name}${sender} --text "..."`]
    : [`${carrier.name} is not bound${links.length === 0 ? ": no worker has opened a link yet" : ""}`, ...error];
  return [...alignColumns(links), ...next];
}
