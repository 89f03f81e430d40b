// The phones that a carrier texts while it is only tested: added and removed one by one.
import { type FormEvent, useState } from "react";
import type { CarrierChange } from "../../contracts/carriers.ts";
import { useSession } from "../shell/session.ts";
import { readPhone } from "./carrier_words.ts";

type PhonesChange = NonNullable<CarrierChange["test_phones"]>;

interface TestPhonesProps {
  phones: readonly string[];
  isBusy: boolean;
  onChange(change: PhonesChange): void;
}

export function TestPhones({ phones, isBusy, onChange }: TestPhonesProps) {
  const { default_country: country } = useSession();
  const [text, setText] = useState("");
  const [problem, setProblem] = useState("");
  const add = (event: FormEvent) => {
    event.preventDefault();
    const read = readPhone(text, country);
    if ("problem" in read) return setProblem(read.problem);
    setText("");
    setProblem("");
    onChange({ add: [read.phone], remove: [] });
  };
  return (
    <details className="test-phones">
      <summary>
        Test phones <strong>{phones.length}</strong>
      </summary>
      {phones.length === 0 && <p className="soft">None yet. While the carrier is only tested, nobody else is texted through it.</p>}
      {phones.length > 0 && (
        <ul className="chips" aria-label="test phones">
          {phones.map((phone) => (
            <li key={phone}>
              <button type="button" disabled={isBusy} onClick={() => onChange({ add: [], remove: [phone] })}>
                {phone} <span className="soft">remove</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      <form className="actions" onSubmit={add}>
        <label className="inline">
          A phone of your own{" "}
          <input
            type="tel"
            autoComplete="off"
            size={18}
            value={text}
            aria-invalid={problem !== ""}
            onChange={(event) => {
              setText(event.target.value);
              setProblem("");
            }}
          />
        </label>
        <button type="submit" disabled={isBusy || text.trim() === ""}>
          Add
        </button>
        <span className="bad" role="alert">
          {problem}
        </span>
      </form>
      <p className="soft">A change closes its links for a moment and opens them anew.</p>
    </details>
  );
}
