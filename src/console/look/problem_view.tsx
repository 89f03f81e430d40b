// An error as the pages show it: what happened, what to do, and a way to try again.
import { wordsOf } from "../api/api.ts";

export function Trouble({ error, again }: { error: unknown; again?: () => void }) {
  const { title, detail } = wordsOf(error);
  return (
    <div className="trouble" role="alert">
      <p>
        <strong>{title}.</strong> {detail}
      </p>
      {again !== undefined && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}
