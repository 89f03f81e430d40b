// The text: columns to insert by a click, its parts and encoding below, and each character that
// makes it more expensive with a cheaper one.
import { useRef } from "react";
import { findCostlyCharacters, rewriteAsGsm7 } from "../../sms/encodings.ts";
import { measureText, septetsAlone, septetsOfPart, unitsAlone, unitsOfPart } from "../../sms/parts.ts";
import { columnKey, compileTemplate } from "../../sms/template.ts";
import { Mark } from "../look/mark.tsx";

interface TextFieldProps {
  text: string;
  onText: (text: string) => void;
  /** Columns of the file that the text can name. */
  columns: readonly string[];
  /** What does not fit this file. */
  problem: string | null;
}

const textCharactersMax = 2_000;
/** The most columns offered: some exports have thousands. */
const chipsMax = 30;

export function TextField({ text, onText, columns, problem }: TextFieldProps) {
  const field = useRef<HTMLTextAreaElement>(null);
  const compiled = compileTemplate(text);
  const reason = "problem" in compiled ? `Character ${compiled.problem.at + 1}: ${compiled.problem.reason}.` : problem;
  const insert = (name: string) => {
    const at = field.current?.selectionStart ?? text.length;
    onText(`${text.slice(0, at)}{${name}}${text.slice(field.current?.selectionEnd ?? at)}`);
    field.current?.focus();
  };
  return (
    <section aria-label="the text">
      <label htmlFor="text">
        <h2>Text</h2>
      </label>
      <textarea
        id="text"
        ref={field}
        value={text}
        rows={4}
        maxLength={textCharactersMax}
        placeholder="Hello {name}! ..."
        aria-describedby="text-size"
        aria-invalid={reason !== null}
        onChange={(event) => onText(event.target.value)}
      />
      {columns.length > 0 && (
        <ul className="chips" aria-label="columns to put in">
          {columns
            .map(columnKey)
            .filter((name, index, all) => name !== "" && all.indexOf(name) === index)
            .slice(0, chipsMax)
            .map((name) => (
              <li key={name}>
                <button type="button" onClick={() => insert(name)}>
                  <span className="visually-hidden">insert</span> + {"{"}
                  {name}
                  {"}"}
                </button>
              </li>
            ))}
        </ul>
      )}
      {reason !== null && text !== "" && (
        <p className="bad" role="alert">
          <Mark meaning="failed" /> {reason}
        </p>
      )}
      <Size text={text} />
      <Costly text={text} onText={onText} />
    </section>
  );
}

/** Of the text as written; each row's own is counted by the judge. */
function Size({ text }: { text: string }) {
  const { encoding, units, parts } = measureText(text);
  const room = encoding === "gsm7" ? (parts <= 1 ? septetsAlone : parts * septetsOfPart) : parts <= 1 ? unitsAlone : parts * unitsOfPart;
  return (
    <p id="text-size" className="soft" aria-live="polite">
      {units} of {room} characters · {parts === 1 ? "1 part" : `${parts} parts`} ·{" "}
      {encoding === "gsm7" ? "GSM-7, 160 per part" : "UCS-2, 70 per part: a character forces it"}
    </p>
  );
}

function Costly({ text, onText }: { text: string; onText: (text: string) => void }) {
  const costly = findCostlyCharacters(text);
  const forcing = costly.filter(({ effect }) => effect === "forces_ucs2");
  const rewritten = forcing.length === 0 ? null : rewriteAsGsm7(text);
  if (costly.length === 0) return null;
  return (
    <div className="costly">
      <p>
        <strong>
          {forcing.length > 0
            ? `${forcing.length === 1 ? "One character makes" : `${forcing.length} characters make`} every part shorter:`
            : `${costly.length === 1 ? "A character counts" : "Characters count"} as two:`}
        </strong>
      </p>
      <ul className="chips">
        {(forcing.length > 0 ? forcing : costly).map(({ character, codePoint, suggestion, count }) => (
          <li key={codePoint}>
            <button
              type="button"
              disabled={suggestion === null}
              onClick={() => onText(text.replaceAll(character, suggestion ?? character))}
              title={suggestion === null ? "no similar character costs less" : "replace it everywhere"}
            >
              <code>{character}</code> <span className="soft">{codePoint}</span>
              {count > 1 && ` × ${count}`} {suggestion === null ? "" : suggestion === "" ? "→ nothing" : `→ ${suggestion}`}
            </button>
          </li>
        ))}
      </ul>
      {rewritten !== null && (
        <button type="button" onClick={() => onText(rewritten)}>
          Replace all
        </button>
      )}
    </div>
  );
}
