// The states of a campaign's messages in order, as one bar whose segments flow from waiting to
// final; below it the same in words.
import { isMessageIn, messageSets, type ShownState, shownStates, unconfirmedCode } from "../../contracts/states.ts";
import { messageWords, stateName } from "../../contracts/words.ts";
import { Mark } from "../look/mark.tsx";
import { messageMeaning, showCount } from "../look/words.ts";

/**
 * From final states on the left to early ones on the right: finished messages fill the bar from the
 * left.
 */
const order: readonly ShownState[] = [
  ...messageSets.final.filter((status) => !isMessageIn("missed", status)),
  unconfirmedCode,
  ...messageSets.missed,
  ...messageSets.open.toReversed(),
];

interface RiverProps {
  counts: Readonly<Record<ShownState, number>>;
  isSmall?: boolean;
}

export function River({ counts, isSmall = false }: RiverProps) {
  const shown = order.filter((status) => counts[status] > 0);
  const description = shown.map((status) => `${showCount(counts[status])} ${stateName(status)}`).join(", ");
  return (
    <div className={isSmall ? "river river-small" : "river"} role="img" aria-label={description === "" ? "no messages" : description}>
      {shown.map((status) => (
        <i key={status} className={`stretch stretch-${status} stretch-${messageMeaning[status]}`} style={{ flexGrow: counts[status] }} />
      ))}
    </div>
  );
}

interface RiverWordsProps extends Pick<RiverProps, "counts"> {
  chosen: ShownState | null;
  onChoose: (status: ShownState | null) => void;
}

/** Each state with its count; a click shows only its messages. */
export function RiverWords({ counts, chosen, onChoose }: RiverWordsProps) {
  return (
    <ul className="river-words" aria-label="messages by state">
      {shownStates
        .filter((status) => counts[status] > 0 || status === "delivered" || status === chosen)
        .map((status) => (
          <li key={status}>
            <button
              type="button"
              aria-pressed={chosen === status}
              onClick={() => onChoose(chosen === status ? null : status)}
              title={messageWords[status]}
            >
              <Mark meaning={messageMeaning[status]} /> {stateName(status)} <strong>{showCount(counts[status])}</strong>
            </button>
          </li>
        ))}
    </ul>
  );
}
