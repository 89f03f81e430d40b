// Explores every state that a model can reach, breadth first, and stores each one exactly (no lossy
// hashing). Called by check_model and its tests. It answers two questions: is any state wrong
// (safety), and can every state reach its end without further luck or faults (progress).

export interface Model<State> {
  initial: State;
  /** Bytes of an encoded state. */
  stateBytes: number;
  encode(state: State, into: Uint8Array): void;
  decode(bytes: Uint8Array): State;
  /**
   * Emits every next state. It must not change `state`. `kind`: faults and commands may happen, but
   * progress must not rely on them.
   */
  steps(state: State, take: Take<State>): void;
  /** What is wrong with this state; null: nothing. Called once per state. */
  brokenState(state: State): string | null;
  /**
   * What is wrong with this step, though both its states may be fine; null: nothing. Called once
   * per step.
   */
  brokenStep(before: State, after: State): string | null;
  /** Everything has ended, and correctly. */
  isEnd(state: State): boolean;
}

export type StepKind = "progress" | "chance";
export type Take<State> = (kind: StepKind, description: () => string, next: State) => void;

export interface Exploration {
  states: number;
  steps: number;
  /** Steps from the first state to the furthest one. */
  depth: number;
  ends: number;
  seconds: number;
  /** null: nothing is wrong, and every state can reach the end. */
  counterexample: Counterexample | null;
}

export interface Counterexample {
  description: string;
  /** What happened, step by step, from the first state: a shortest trace. */
  trace: string[];
}

/** A model beyond this is larger than intended: about 1 GB. */
const statesMax = 12_000_000;

/** @throws Error when the model has more than 12 million states. */
export function explore<State>(model: Model<State>): Exploration {
  const startedAt = performance.now();
  const store = createStore(model.stateBytes);
  const parents = new Numbers();
  const progress = new Numbers(); // pairs: from, to
  const isEnd = new Numbers();
  const scratch = new Uint8Array(model.stateBytes);
  let steps = 0;
  let depth = 0;
  let levelEnd = 1;
  const found = (counterexample: Counterexample | null): Exploration => ({
    states: store.count(),
    steps,
    depth,
    ends: isEnd.sum(),
    seconds: (performance.now() - startedAt) / 1_000,
    counterexample,
  });

  model.encode(model.initial, scratch);
  store.add(scratch);
  parents.push(0);
  for (let id = 0; id < store.count(); id++) {
    if (id === levelEnd) {
      depth++;
      levelEnd = store.count();
    }
    const state = model.decode(store.read(id));
    isEnd.push(model.isEnd(state) ? 1 : 0);
    let wrong: string | null = null;
    let wrongStep = "";
    model.steps(state, (kind, description, next) => {
      if (wrong !== null) return;
      steps++;
      model.encode(next, scratch);
      const known = store.count();
      const to = store.add(scratch);
      if (to === known) parents.push(id);
      if (kind === "progress" && to !== id) progress.push(id, to);
      wrong = model.brokenStep(state, next) ?? (to === known ? model.brokenState(next) : null);
      if (wrong !== null) wrongStep = description();
    });
    if (wrong !== null) return found({ description: wrong, trace: [...traceTo(model, store, parents, id), wrongStep] });
    if (store.count() > statesMax) throw new Error(`the model has more than ${statesMax} states: make its scope smaller`);
  }
  const stuck = firstStuck(store.count(), progress, isEnd);
  if (stuck === null) return found(null);
  return found({ description: "the end cannot be reached from here", trace: traceTo(model, store, parents, stuck) });
}

/**
 * The first state from which no progress steps lead to an end; null: there is none. Walks backwards
 * from the ends.
 */
function firstStuck(states: number, progress: Numbers, isEnd: Numbers): number | null {
  const firstEdge = new Int32Array(states + 1);
  for (let edge = 1; edge < progress.length; edge += 2) (firstEdge[progress.at(edge) + 1] as number)++;
  for (let id = 0; id < states; id++) (firstEdge[id + 1] as number) += firstEdge[id] as number;
  const sources = new Int32Array(progress.length / 2);
  const filled = firstEdge.slice();
  for (let edge = 0; edge < progress.length; edge += 2) sources[(filled[progress.at(edge + 1)] as number)++] = progress.at(edge);
  const comesToEnd = new Uint8Array(states);
  const waiting: number[] = [];
  for (let id = 0; id < states; id++) {
    if (isEnd.at(id) === 0) continue;
    comesToEnd[id] = 1;
    waiting.push(id);
  }
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    for (let edge = firstEdge[id] as number; edge < (firstEdge[id + 1] as number); edge++) {
      const source = sources[edge] as number;
      if (comesToEnd[source] === 1) continue;
      comesToEnd[source] = 1;
      waiting.push(source);
    }
  }
  const stuck = comesToEnd.indexOf(0);
  return stuck === -1 ? null : stuck;
}

/** Walks back to the first state, then asks the model again what each of these steps was. */
function traceTo<State>(model: Model<State>, store: Store, parents: Numbers, id: number): string[] {
  const trace: string[] = [];
  const scratch = new Uint8Array(model.stateBytes);
  for (let at = id; at !== 0; at = parents.at(at)) {
    const here = store.read(at);
    let said = "";
    model.steps(model.decode(store.read(parents.at(at))), (_kind, description, next) => {
      if (said !== "") return;
      model.encode(next, scratch);
      if (here.every((byte, index) => byte === scratch[index])) said = description();
    });
    trace.unshift(said);
  }
  return trace;
}

interface Store {
  /** The state's number; a new one when the state is new. */
  add(bytes: Uint8Array): number;
  read(id: number): Uint8Array;
  count(): number;
}

const blockStates = 65_536;

/** Encoded states in blocks, found by an open hash table of their numbers. */
function createStore(stateBytes: number): Store {
  const blocks: Uint8Array[] = [];
  let table = new Int32Array(1 << 16).fill(-1);
  let count = 0;
  const read = (id: number) => {
    const begin = (id % blockStates) * stateBytes;
    return (blocks[Math.floor(id / blockStates)] as Uint8Array).subarray(begin, begin + stateBytes);
  };

  function placeOf(bytes: Uint8Array): number {
    const mask = table.length - 1;
    for (let place = hashOf(bytes) & mask; ; place = (place + 1) & mask) {
      const id = table[place] as number;
      if (id === -1 || isSame(id, bytes)) return place;
    }
  }

  function isSame(id: number, bytes: Uint8Array): boolean {
    const block = blocks[Math.floor(id / blockStates)] as Uint8Array;
    const begin = (id % blockStates) * stateBytes;
    for (let index = 0; index < stateBytes; index++) if (block[begin + index] !== bytes[index]) return false;
    return true;
  }

  function grow(): void {
    table = new Int32Array(table.length * 2).fill(-1);
    for (let id = 0; id < count; id++) table[placeOf(read(id))] = id;
  }

  return {
    add(bytes) {
      const place = placeOf(bytes);
      const known = table[place] as number;
      if (known !== -1) return known;
      const id = count++;
      if (id % blockStates === 0) blocks.push(new Uint8Array(blockStates * stateBytes));
      read(id).set(bytes);
      table[place] = id;
      if (count * 2 > table.length) grow();
      return id;
    },
    read,
    count: () => count,
  };
}

/** FNV-1a, with a final mix so that the low bits depend on all others. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < bytes.length; index++) hash = Math.imul(hash ^ (bytes[index] as number), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return hash ^ (hash >>> 13);
}

/** A list of integers in 4 bytes each: tens of millions of them. */
class Numbers {
  private numbers = new Int32Array(1 << 16);
  length = 0;

  push(...values: number[]): void {
    for (const value of values) {
      if (this.length === this.numbers.length) {
        const larger = new Int32Array(this.length * 2);
        larger.set(this.numbers);
        this.numbers = larger;
      }
      this.numbers[this.length++] = value;
    }
  }

  at(index: number): number {
    return this.numbers[index] as number;
  }

  sum(): number {
    let sum = 0;
    for (let index = 0; index < this.length; index++) sum += this.numbers[index] as number;
    return sum;
  }
}
