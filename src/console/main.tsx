// Entry point of the console: who is signed in, and which page is at which path
// (contracts/console.ts has the same paths).
import { lazy, Suspense } from "react";
import { createRoot } from "react-dom/client";
import { Redirect, Route, Switch } from "wouter";
import { CampaignPage } from "./campaigns/campaign_page.tsx";
import { CampaignsPage } from "./campaigns/campaigns_page.tsx";
import { MessagePage } from "./campaigns/message_page.tsx";
import { InstallationKeyProvider } from "./carriers/installation_key.tsx";
import { CreditPage } from "./credit/credit_page.tsx";
import { LawsPage } from "./laws/laws_page.tsx";
import "./look/tokens.css";
import "./look/page.css";
import { SendPage } from "./send/send_page.tsx";
import { SessionContext, useVisit } from "./shell/session.ts";
import { Shell } from "./shell/shell.tsx";
import { SignIn } from "./shell/sign_in.tsx";

const CarriersPage = lazy(() => import("./carriers/carriers_page.tsx"));
const SystemPage = lazy(() => import("./system/system_page.tsx"));

function Console() {
  const visit = useVisit();
  if (visit.is === "asking") return <main className="sign-in" aria-busy="true" />;
  if (visit.is === "outside") return <SignIn error={visit.error} signIn={visit.signIn} />;
  return (
    <SessionContext value={visit.session}>
      <InstallationKeyProvider>
        <Shell signOut={visit.signOut}>
          <Pages />
        </Shell>
      </InstallationKeyProvider>
    </SessionContext>
  );
}

function Pages() {
  return (
    <Suspense fallback={<p className="soft">One moment ...</p>}>
      <Switch>
        <Route path="/send">
          <SendPage />
        </Route>
        <Route path="/campaigns">
          <CampaignsPage />
        </Route>
        <Route path="/campaigns/:id">{({ id }) => <CampaignPage key={id} id={id} />}</Route>
        <Route path="/campaigns/:id/:row">{({ id, row }) => <MessagePage key={`${id} ${row}`} id={id} row={row} />}</Route>
        <Route path="/credit">
          <CreditPage />
        </Route>
        <Route path="/carriers">
          <CarriersPage />
        </Route>
        <Route path="/system">
          <SystemPage />
        </Route>
        <Route path="/laws">
          <LawsPage />
        </Route>
        <Route>
          <Redirect to="/campaigns" />
        </Route>
      </Switch>
    </Suspense>
  );
}

const root = document.getElementById("root");
if (root === null) throw new Error("the page has no #root");
createRoot(root).render(<Console />);
