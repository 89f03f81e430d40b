// The four kinds of communication, each with its stroke in the drawing.
import { type Way, wayWords } from "./topology.ts";

const ways: readonly Way[] = ["http", "grpc", "jobs", "topics", "sql"];

export function Legend() {
  return (
    <ul className="legend">
      {ways.map((way) => (
        <li key={way}>
          <svg width="34" height="8" viewBox="0 0 34 8" role="presentation">
            <path className={`edge edge-${way}`} d="M1 4 H33" />
          </svg>
          {wayWords[way]}
        </li>
      ))}
    </ul>
  );
}
