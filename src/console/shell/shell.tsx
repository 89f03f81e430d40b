// The frame of every page: navigation, live credit, one mark per law, and the notice when the
// connection is lost.
import type { ReactNode } from "react";
import { Link, useLocation } from "wouter";
import { LawMarks } from "../laws/law_marks.tsx";
import { useConnection, useTopic } from "../live/live.ts";
import { showCredits, showTime } from "../look/words.ts";
import { useSession } from "./session.ts";

const places = [
  { path: "/campaigns", description: "Campaigns" },
  { path: "/system", description: "System", isForSystem: true },
  { path: "/credit", description: "Credit" },
  { path: "/carriers", description: "Carriers", isForSystem: true },
] as const;

export function Shell({ signOut, children }: { signOut: () => Promise<void>; children: ReactNode }) {
  const session = useSession();
  const [location] = useLocation();
  const { isConnected, lostAtMs } = useConnection();
  const credit = useTopic("workspace_credit", session.workspace_id);
  const isLost = !isConnected && lostAtMs !== null;
  return (
    <div className={isLost ? "shell shell-stale" : "shell"}>
      <a className="skip" href="#content">
        To the content
      </a>
      <header className="bar">
        <Link href="/campaigns" className="brand">
          bulksms
        </Link>
        <nav aria-label="places">
          {places
            .filter((place) => !("isForSystem" in place) || session.sees_system)
            .map(({ path, description }) => (
              <Link key={path} href={path} aria-current={location.startsWith(path) ? "page" : undefined}>
                {description}
              </Link>
            ))}
        </nav>
        <div className="bar-live">
          {session.sees_system && <LawMarks />}
          <Link href="/credit" className="bar-credit">
            <span className="soft">credit</span> <strong className="live">{credit === null ? "–" : showCredits(credit.credit)}</strong>
          </Link>
          <button type="button" className="quiet" onClick={() => void signOut()} title={`signed in to ${session.workspace_name}`}>
            Sign out
          </button>
        </div>
      </header>
      <p className="connection" role="status">
        {isLost
          ? `The connection was lost at ${showTime(new Date(lostAtMs).toISOString())}. What you see is from then; it reconnects by itself.`
          : ""}
      </p>
      <main id="content" tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}
