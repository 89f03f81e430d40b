// A running campaign on screen: bar, states, rate, credit, time left. Redrawn in place on a
// terminal, a plain line every few seconds in a pipe.
import { countIn, noSuchState } from "../contracts/states.ts";
import { stateName } from "../contracts/words.ts";
import type { CampaignState } from "./campaign_watch.ts";
import { countFinal, followedStates } from "./shown_states.ts";
import { formatCount, formatCreditText, formatDuration, type Terminal, visibleLength } from "./terminal.ts";

/** Minimum time between redraws. */
const frameMs = 100;
/** In a pipe: time between lines. */
const plainLineMs = 5_000;
/** The rate is measured over this time: steady to look at, yet current. */
const rateWindowMs = 4_000;
/** A longer estimate is not shown. */
const timeLeftMaxMs = 24 * 3_600_000;
const barColumnsMax = 40;
const barColumnsMin = 10;

export interface ProgressOptions {
  /** Clock in ms, for the rate and the elapsed time. */
  nowMs(): number;
  /**
   * When the campaign will end (ms of the same clock), where that is known better than from the
   * rate; otherwise null.
   */
  endsAtMs: number | null;
}

export interface Progress {
  show(state: CampaignState): void;
  /** The last picture stays on screen. */
  end(): void;
}

export function createProgress(terminal: Terminal, options: ProgressOptions): Progress {
  const startedMs = options.nowMs();
  const samples: { atMs: number; done: number }[] = [{ atMs: startedMs, done: 0 }];
  let last: CampaignState | null = null;
  let shownMs = Number.NEGATIVE_INFINITY;
  const draw = (state: CampaignState, nowMs: number): void => {
    const pace = measurePace(samples, state, nowMs, options.endsAtMs);
    if (terminal.isLive) terminal.live(renderProgress(terminal, state, pace));
    else terminal.line(renderPlain(state, pace, nowMs - startedMs));
    shownMs = nowMs;
  };
  // the time left counts down even when nothing else moves
  const timer = setInterval(() => {
    if (last !== null) show(last);
  }, 250);
  const show = (state: CampaignState): void => {
    const nowMs = options.nowMs();
    const isEnd = countFinal(state.counts) === state.contacts && (last === null || countFinal(last.counts) !== state.contacts);
    last = { ...state };
    if (nowMs - shownMs >= (terminal.isLive ? frameMs : plainLineMs) || (isEnd && terminal.isLive)) draw(last, nowMs);
  };
  return {
    show,
    end() {
      clearInterval(timer);
      if (last !== null) draw(last, options.nowMs());
      terminal.endLive({ keeps: true });
    },
  };
}

interface Pace {
  perSecond: number;
  /** null: no estimate. */
  leftMs: number | null;
}

/** Adds the state to the samples and drops those older than the window. */
function measurePace(samples: { atMs: number; done: number }[], state: CampaignState, nowMs: number, endsAtMs: number | null): Pace {
  const done = countFinal(state.counts);
  samples.push({ atMs: nowMs, done });
  while (samples.length > 2 && nowMs - (samples[1]?.atMs ?? nowMs) >= rateWindowMs) samples.shift();
  const oldest = samples[0] as { atMs: number; done: number };
  const elapsedMs = nowMs - oldest.atMs;
  const perSecond = elapsedMs < 500 ? 0 : ((done - oldest.done) * 1_000) / elapsedMs;
  const byRateMs = perSecond > 0 ? ((state.contacts - done) / perSecond) * 1_000 : Number.POSITIVE_INFINITY;
  const leftMs = endsAtMs === null ? byRateMs : Math.max(0, endsAtMs - nowMs);
  return { perSecond, leftMs: leftMs > timeLeftMaxMs ? null : leftMs };
}

/**
 * One line where it fits, else two, or as many as a narrow terminal needs. Numbers are as wide as
 * the largest that may come.
 */
export function renderProgress(terminal: Terminal, state: CampaignState, pace: Pace): string[] {
  const columns = terminal.columns() - 4;
  const percent = `${String(percentOf(state)).padStart(3)} %`;
  const states = followedStates(state).map(([shown, count]) => `${terminal.dim(stateName(shown))} ${padCount(count, state.contacts)}`);
  const facts = factsOf(terminal, state, pace);
  const besides = [states.join("  "), ...facts].join("   ");
  const oneLineBar = columns - visibleLength(besides) - percent.length - 5;
  if (oneLineBar >= barColumnsMin) return [`${renderBar(terminal, state, Math.min(barColumnsMax, oneLineBar))} ${percent}   ${besides}`];
  const twoLineBar = columns - visibleLength(facts.join("   ")) - percent.length - 5;
  if (twoLineBar >= barColumnsMin && visibleLength(states.join("  ")) <= columns) {
    const bar = renderBar(terminal, state, Math.min(barColumnsMax, twoLineBar));
    return [`${bar} ${percent}   ${facts.join("   ")}`, states.join("  ")];
  }
  const bar = renderBar(terminal, state, Math.max(1, Math.min(barColumnsMax, columns - percent.length - 1)));
  return [`${bar} ${percent}`, ...flow(facts, "   ", columns), ...flow(states, "  ", columns)];
}

/** As many per line as fit. */
function flow(pieces: readonly string[], between: string, columns: number): string[] {
  const lines: string[] = [];
  for (const piece of pieces) {
    const longer = lines.length === 0 ? piece : `${lines.at(-1)}${between}${piece}`;
    if (lines.length > 0 && visibleLength(longer) <= columns) lines[lines.length - 1] = longer;
    else lines.push(piece);
  }
  return lines;
}

/** Half columns make the bar move twice as smoothly. */
function renderBar(terminal: Terminal, state: CampaignState, columns: number): string {
  const halves = Math.floor((countFinal(state.counts) / Math.max(1, state.contacts)) * columns * 2);
  const whole = Math.floor(halves / 2);
  const half = halves % 2 === 1 ? "╸" : "";
  return terminal.accent("━".repeat(whole) + half) + terminal.dim("─".repeat(columns - whole - half.length));
}

function percentOf(state: CampaignState): number {
  return Math.floor((countFinal(state.counts) * 100) / Math.max(1, state.contacts));
}

function factsOf(terminal: Terminal, state: CampaignState, pace: Pace): string[] {
  const credit = state.credit === null ? [] : [`${terminal.dim("credit")} ${formatCreditText(state.credit).padStart(7)}`];
  if (state.silent !== null) return [...credit, `waiting: ${state.silent}`];
  const why = waitsFor(state);
  if (why !== null) return [...credit, why];
  const left = pace.leftMs === null ? (isSilent(state, pace) ? "waiting for silent phones" : "") : `${formatLeft(pace.leftMs)} left`;
  return [...credit, `${formatCount(Math.round(pace.perSecond)).padStart(5)}/s`, left.padStart(9)];
}

/**
 * Everything is with the carrier and nothing moves: the rest ends by a late receipt or at its
 * deadline.
 */
function isSilent({ counts }: CampaignState, pace: Pace): boolean {
  return pace.perSecond === 0 && countIn("sendable", counts) === 0 && countIn("submitted", counts) > 0;
}

/** States of the campaign in which the rate means nothing. */
function waitsFor(state: CampaignState): string | null {
  switch (state.status) {
    case "reserving":
      return "reserving credit";
    case "paused":
      return `paused${state.lastError === null ? "" : `: ${state.lastError}`}`;
    case "canceling":
      return "canceling";
    case "settling":
      return "charging the last parts";
    case "finished":
    case "canceled":
      return state.status;
    case "importing":
    case "import_failed":
    case "ready":
    case "running":
      return null;
    default:
      return noSuchState(state.status);
  }
}

/** Whole seconds: decimals would flicker. */
function formatLeft(leftMs: number): string {
  return leftMs < 99_500 ? `${Math.max(1, Math.ceil(leftMs / 1_000))} s` : formatDuration(leftMs);
}

function renderPlain(state: CampaignState, pace: Pace, elapsedMs: number): string {
  const elapsed = `${Math.round(elapsedMs / 1_000)} s`.padStart(5);
  const states = followedStates(state).map(([shown, count]) => `${stateName(shown)} ${padCount(count, state.contacts)}`);
  const plain = { dim: (text: string) => text } as Terminal;
  return [elapsed, `${String(percentOf(state)).padStart(3)} %`, states.join("  "), ...factsOf(plain, state, pace)].join("   ").trimEnd();
}

function padCount(count: number, largest: number): string {
  return formatCount(count).padStart(formatCount(largest).length);
}
