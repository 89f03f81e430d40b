// The carrier and the sender of a new campaign, and whom they reach.
import type { CarrierChoice, CarrierChoicesAnswer } from "../../contracts/carriers.ts";
import { builtInCarrier } from "../../contracts/carriers.ts";
import { Mark } from "../look/mark.tsx";
import { mustChooseCarrier, reachOf } from "./carrier_choice.ts";

interface CarrierFieldProps {
  choices: CarrierChoicesAnswer;
  carrier: CarrierChoice | null;
  onCarrier(name: string): void;
}

export function CarrierField({ choices, carrier, onCarrier }: CarrierFieldProps) {
  if (!mustChooseCarrier(choices, carrier)) return null;
  return (
    <label>
      Carrier
      <select value={carrier?.name ?? ""} aria-describedby="reach" onChange={(event) => onCarrier(event.target.value)}>
        {carrier === null && (
          <option value="" disabled>
            choose one ...
          </option>
        )}
        {choices.carriers.map((choice) => (
          <option key={choice.name} value={choice.name}>
            {optionWords(choice)}
          </option>
        ))}
      </select>
    </label>
  );
}

function optionWords({ name, simulated, state }: CarrierChoice): string {
  if (name === builtInCarrier) return "none: simulated, no phone is reached";
  return `${name} · ${simulated ? "simulated" : "real"}${state === "test_only" ? ", only tested" : ""}`;
}

/** Always there: nobody is texted by accident, and nobody takes a simulation for the real thing. */
export function Reach({ carrier }: { carrier: CarrierChoice }) {
  const [reach, ...more] = reachOf(carrier);
  return (
    <p id="reach" className={carrier.simulated ? "reach" : "reach reach-real"} role="status">
      <Mark meaning={carrier.simulated ? "waiting" : "flying"} /> <strong>{reach}</strong> {more.join(" ")}
    </p>
  );
}

interface SenderFieldProps {
  senders: readonly string[] | null;
  sender: string;
  onFree(sender: string): void;
  onListed(sender: string): void;
}

/** Senders of a list are chosen, never guessed. */
export function SenderField({ senders, sender, onFree, onListed }: SenderFieldProps) {
  return (
    <label htmlFor="sender">
      Sender
      {senders === null ? (
        <input id="sender" value={sender} maxLength={16} onChange={(event) => onFree(event.target.value)} />
      ) : (
        <select id="sender" value={sender} disabled={senders.length === 0} onChange={(event) => onListed(event.target.value)}>
          <option value="" disabled>
            {senders.length === 0 ? "none yet" : "choose one ..."}
          </option>
          {senders.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      )}
    </label>
  );
}
