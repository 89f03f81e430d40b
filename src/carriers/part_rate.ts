// The operator's limit on message parts a second, kept exactly: no second, wherever it begins, has
// more of them. Used by links to carriers, each with its share.

const secondMs = 1_000;
/** Parts that may go out at once, as a share of those of a second: they go out in steps. */
const burstShare = 1 / 20;

export class PartRate {
  /** At most so many parts within `#spanMs`. */
  readonly #limit: number;
  readonly #spanMs: number;
  readonly #burst: number;
  /** Times of the last `#limit` parts, as a ring. */
  readonly #times: Float64Array;
  #next = 0;

  /**
   * It begins as if as many had just gone out as are allowed: whoever had this share before may
   * have sent them.
   * @param partsPerSecond above 0; a fraction above 1 is dropped, below 1 it stretches the second
   */
  constructor(partsPerSecond: number, nowMs: number) {
    this.#limit = Math.max(1, Math.floor(partsPerSecond));
    this.#spanMs = secondMs * Math.max(1, this.#limit / partsPerSecond);
    this.#burst = Math.ceil(this.#limit * burstShare);
    this.#times = new Float64Array(this.#limit).fill(nowMs);
  }

  /** Parts that may begin together after a pause. */
  get burst(): number {
    return this.#burst;
  }

  /** How many parts of different messages may go out now. */
  available(nowMs: number): number {
    let low = 0;
    let high = this.#burst;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#earliestMs(middle, middle) <= nowMs) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /**
   * Milliseconds until `parts` of one message may go out together: steps are for messages, so that
   * a message's parts are not torn apart. More than a second's worth waits for a full second.
   */
  waitMs(parts: number, nowMs: number): number {
    return Math.max(0, this.#earliestMs(parts, 1) - nowMs);
  }

  /** Milliseconds until `messages` of one part may go out; at most a burst. */
  waitForMs(messages: number, nowMs: number): number {
    return Math.max(0, this.#earliestMs(messages, messages) - nowMs);
  }

  /** One part goes out. */
  take(nowMs: number): void {
    this.#times[this.#next] = nowMs;
    this.#next = (this.#next + 1) % this.#limit;
  }

  /** When `parts` may go within the second, and `stepParts` within the step. */
  #earliestMs(parts: number, stepParts: number): number {
    const inSecond = this.#lastButMs(this.#limit - Math.min(parts, this.#limit)) + this.#spanMs;
    const inStep = this.#lastButMs(this.#burst - Math.min(stepParts, this.#burst)) + (this.#spanMs * this.#burst) / this.#limit;
    return Math.max(inSecond, inStep);
  }

  /** Time of the part before the last `count`. */
  #lastButMs(count: number): number {
    return this.#times[(this.#next - 1 - count + 2 * this.#limit) % this.#limit] as number;
  }
}
