// Why a campaign is `import_failed` although nobody refused its file. Written by salesapi and the
// sweeper as `last_error`; told in words by the command line and the console.

/** Such a file can be sent again as it is: nothing of it was kept, and no credit is held. */
export const importEnds = {
  import_interrupted: "The process was stopped while it read the file",
  import_lost: "The process that read the file died, or was silent for too long",
  import_canceled: "It was canceled while its file was read",
} as const;
export type ImportEnd = keyof typeof importEnds;

export const importEndNames = Object.keys(importEnds) as ImportEnd[];

/** Null for the code of a refusal, which another file or another choice ends. */
export function importEndOf(lastError: string | null): ImportEnd | null {
  return importEndNames.find((name) => name === lastError) ?? null;
}
