// Where a file of contacts is dropped, or chosen by keyboard; a first-time visitor finds a sample
// here.
import { type DragEvent, useRef, useState } from "react";
import { showBytes } from "../look/words.ts";

const sample = `name,phone,programme
Aino Virtanen,+358 40 123 4567,Computer Science
Eero Korhonen,040 765 4321,Biology
Helmi Laine,+358501112233,History
Onni Salo,0501112233 ,History
Väinö Niemi,123,Physics
`;

/** Its people are made up. */
export const sampleFile = new File([sample], "sample_5_contacts.csv", { type: "text/csv" });

interface FileDropProps {
  file: File | null;
  /** What is asked for, in place of the new campaign's words and its sample. */
  prompt?: string;
  onFile(file: File): void;
}

export function FileDrop({ file, prompt, onFile }: FileDropProps) {
  const input = useRef<HTMLInputElement>(null);
  const [isOver, setIsOver] = useState(false);
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    setIsOver(false);
    const dropped = event.dataTransfer.files[0];
    if (dropped !== undefined) onFile(dropped);
  };
  return (
    <section
      aria-label="file of contacts"
      className={isOver ? "drop drop-over" : "drop"}
      onDragOver={(event) => {
        event.preventDefault();
        setIsOver(true);
      }}
      onDragLeave={() => setIsOver(false)}
      onDrop={onDrop}
    >
      <input
        ref={input}
        id="contacts"
        className="visually-hidden"
        type="file"
        accept=".csv,.tsv,.txt,.xlsx,text/csv,text/plain,application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        onChange={(event) => {
          const chosen = event.target.files?.[0];
          if (chosen !== undefined) onFile(chosen);
          event.target.value = "";
        }}
      />
      {file === null && prompt !== undefined && (
        <p>
          <span className="soft">{prompt}</span>{" "}
          <label htmlFor="contacts" className="button">
            choose the file
          </label>
        </p>
      )}
      {file === null && prompt === undefined && (
        <p>
          Drop a CSV or Excel file (.xlsx) here, or{" "}
          <label htmlFor="contacts" className="button">
            choose a file
          </label>
          <br />
          <span className="soft">
            Its first row names the columns. One of them has the phone numbers. It stays in your browser until you send.
          </span>
          <br />
          <button type="button" className="quiet" onClick={() => onFile(sampleFile)}>
            or look at a made-up sample of five
          </button>
        </p>
      )}
      {file !== null && (
        <p>
          <strong>{file.name}</strong> <span className="soft">{showBytes(file.size)}</span>{" "}
          <label htmlFor="contacts" className="button">
            choose another file
          </label>
        </p>
      )}
    </section>
  );
}
