// Who is signed in: requested once when the page loads, by its cookie; a one-time link in the
// address is used at once and removed from it.
import { createContext, useCallback, useContext, useEffect, useState } from "react";
import type { SessionAnswer, SessionRequest } from "../../contracts/console.ts";
import { askWebapi, Problem, rememberSession } from "../api/api.ts";

export type Visit =
  | { is: "asking" }
  | { is: "outside"; error: unknown; signIn(request: SessionRequest): Promise<void> }
  | { is: "inside"; session: SessionAnswer; signOut(): Promise<void> };

export const SessionContext = createContext<SessionAnswer | null>(null);

/** For pages that are shown only after sign-in. */
export function useSession(): SessionAnswer {
  const session = useContext(SessionContext);
  if (session === null) throw new Error("nobody is signed in");
  return session;
}

export function useVisit(): Visit {
  const [state, setState] = useState<{ is: "asking" } | { is: "outside"; error: unknown } | { is: "inside"; session: SessionAnswer }>({
    is: "asking",
  });
  const enter = useCallback((session: SessionAnswer) => {
    rememberSession(session, () => setState({ is: "outside", error: null }));
    setState({ is: "inside", session });
  }, []);
  const signIn = useCallback(
    async (request: SessionRequest) => enter(await askWebapi<SessionAnswer>("/session", { method: "POST", body: request })),
    [enter],
  );
  useEffect(() => {
    const token = location.pathname === "/sign-in" ? location.hash.slice(1) : "";
    if (location.pathname === "/sign-in") history.replaceState(null, "", "/");
    const begin = token === "" ? askWebapi<SessionAnswer>("/session").then(enter) : signIn({ token });
    begin.catch((error: unknown) => {
      const isNobody = error instanceof Problem && (error.code === "key_missing" || error.code === "session_invalid");
      setState({ is: "outside", error: isNobody ? null : error });
    });
  }, [enter, signIn]);
  const signOut = useCallback(async () => {
    await askWebapi("/session", { method: "DELETE" });
    setState({ is: "outside", error: null });
  }, []);
  if (state.is === "outside") return { ...state, signIn };
  if (state.is === "inside") return { ...state, signOut };
  return state;
}
