// The mark of a meaning: a shape and a colour, so that nobody has to rely on one alone. Words are
// beside it.
import type { Meaning } from "./words.ts";

const shapes: Readonly<Record<Meaning, string>> = {
  waiting: "M6 1.5 A4.5 4.5 0 1 1 5.99 1.5",
  flying: "M1.5 2.5 L10.5 6 L1.5 9.5 L3.5 6 Z",
  delivered: "M1.5 6.5 L4.8 9.8 L10.5 2.5",
  failed: "M2.5 2.5 L9.5 9.5 M9.5 2.5 L2.5 9.5",
  broken: "M6 1 L11 10.5 L1 10.5 Z M6 4.5 V7.2",
};

export function Mark({ meaning }: { meaning: Meaning }) {
  return (
    <svg className={`mark mark-${meaning}`} width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">
      <path d={shapes[meaning]} />
    </svg>
  );
}
