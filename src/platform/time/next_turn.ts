// Gives way to the event loop. Node only.

/**
 * Resolves after what has arrived by now (sockets, files, timers) had its turn: work in many steps
 * awaits it between two of them.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
