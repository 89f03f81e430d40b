// Entry point of the lab's page, which lab/console builds and serves.
import { createRoot } from "react-dom/client";
import "../../../../src/console/look/tokens.css";
import "../../../../src/console/system/system.css";
import "./lab.css";
import { useVisit } from "./lab_client.ts";
import { LabPage } from "./lab_page.tsx";

function Page() {
  const visit = useVisit();
  if (visit.is === "inside") return <LabPage />;
  return (
    <main className="lab lab-outside">
      <h1>bulksms lab</h1>
      <p>{visit.is === "entering" ? "One moment ..." : visit.why}</p>
    </main>
  );
}

const root = document.getElementById("root");
if (root === null) throw new Error("the page has no #root");
createRoot(root).render(<Page />);
