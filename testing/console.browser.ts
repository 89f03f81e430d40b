// The console as a person has it: a real browser before the real system. Screenshots of every page
// go to the folder BULKSMS_SCREENSHOTS, when it is set.
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import axe from "axe-core";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { mintConsoleLink } from "../src/cli/console_link.ts";
import { startLawsNews } from "../src/cli/laws_news.ts";
import { freePort } from "../src/local/engines/free_port.ts";
import { askHttp, bodyOf } from "./api_client.ts";
import { addSmppCarrier, dialectSettings } from "./carriers.ts";
import { launchChromium } from "./chromium.ts";
import { type Cluster, startCluster } from "./cluster.ts";
import { makeWorkbook, phoneRows } from "./workbooks.ts";

let browser: Browser;
let cluster: Cluster;
let lawsNews: ReturnType<typeof startLawsNews>;
let context: BrowserContext;
let page: Page;
/** What the page itself found wrong: nothing may be. */
const faults: string[] = [];

const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
/**
 * As Excel saves it in Finland: the delimiter named, Windows-1252, footnote marks, a row that is
 * too long.
 */
const finnishExport = latin1(
  [
    "sep=;",
    "etunimi;puhelin;huom",
    "V\u00e4in\u00f6;040 123 4501;",
    "\u00c4iti;0401234502\u00b9;",
    "J\u00f6rn;+358 40 123 4503;\u00b9 vaihtunut",
    "V\u00e4in\u00f6;0401234501;",
    "Eino;0401;",
    "Otto;0401234505;;ylim\u00e4\u00e4r\u00e4inen",
    ";0401234506;",
  ].join("\r\n"),
);
const twoColumns = "name,phone_a,phone_b\nA,0401234501,0501234601\nB,0401234502,0501234602\n";
const twoSheets = makeWorkbook({
  sheets: [
    { name: "Spring", rows: phoneRows(3) },
    { name: "Autumn", rows: phoneRows(5) },
  ],
});
const contacts = join(import.meta.dirname, "..", "examples", "5_contacts.csv");
const students = join(import.meta.dirname, "..", "examples", "oulu_students_5000.csv");

beforeAll(async () => {
  browser = await launchChromium();
  cluster = await startCluster({ settings: { BULKSMS_SIMULATOR_SPEED: "3", ...(await dialectSettings(["oulu"])) } });
  const {
    BULKSMS_CHECK_DS_URL: dsUrl = "",
    BULKSMS_CHECK_SALESDB_URL: salesdbUrl = "",
    BULKSMS_SIMULATOR_DATA: simulatorFolder = "",
  } = cluster.settings;
  const { BULKSMS_REDIS_URL: redisUrl = "", BULKSMS_REDIS_NAMESPACE: namespace = "bulksms" } = cluster.settings;
  lawsNews = startLawsNews({ sources: { dsUrl, salesdbUrl, simulatorFolder }, redis: { redisUrl, namespace } });
});
afterAll(async () => {
  await lawsNews?.stop();
  await browser?.close();
  await cluster?.stop();
});
beforeEach(() => {
  faults.length = 0;
});
afterEach(async () => {
  await context?.close();
  expect(faults).toEqual([]);
});

const newLink = () =>
  mintConsoleLink({ webapiUrl: cluster.urls.webapi as string, adminKey: cluster.adminKey, workspaceId: cluster.workspaceId });

async function signIn(options: BrowserContextOptions = {}): Promise<void> {
  context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  page = await context.newPage();
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    if (/Content Security Policy/i.test(message.text())) faults.push(message.text());
  });
  page.on("request", (request) => {
    if (!/^(http:\/\/127\.0\.0\.1:|data:|blob:)/.test(request.url())) faults.push(`a request to ${request.url()}`);
  });
  await page.goto(await newLink());
  await page.getByRole("heading", { name: "Campaigns" }).waitFor();
  await expect.poll(creditShown).toBeGreaterThan(0);
}

async function shoot(name: string): Promise<void> {
  const folder = process.env.BULKSMS_SCREENSHOTS;
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: name.startsWith("send_") });
}

const goTo = (name: string) => page.getByRole("navigation").getByRole("link", { name }).click();
const creditShown = async () => Number((await page.locator(".bar-credit strong").innerText()).replaceAll(",", ""));
/**
 * As a person drags a file from a folder onto the page. Programs give no type that means anything.
 */
async function drop(name: string, content: string | Uint8Array): Promise<void> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const transfer = await page.evaluateHandle(
    `(() => { const transfer = new DataTransfer(); transfer.items.add(new File([Uint8Array.from(${JSON.stringify([...bytes])})], ${JSON.stringify(name)})); return transfer; })()`,
  );
  await page.dispatchEvent(".drop", "drop", { dataTransfer: transfer });
}
async function create(file: string, text: string): Promise<void> {
  await page.getByRole("link", { name: "New campaign" }).click();
  await page.setInputFiles("#contacts", file);
  await page.locator(".verdict-line").getByText("can be texted").waitFor();
  await page.getByLabel("Text", { exact: true }).fill(text);
}
/** The text of the file behind a link. */
async function downloaded(link: string): Promise<string> {
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: link }).click()]);
  return readFileSync((await download.path()) as string, "utf8");
}
async function showCarriers(): Promise<void> {
  await page.getByLabel("Key of the installation").fill(cluster.adminKey);
  await page.getByRole("button", { name: "Show the carriers" }).click();
  await page.locator(".carrier").first().waitFor();
}
const runIt = async () => {
  await page.getByRole("button", { name: /^Simulate texting [\d,]+ (people|person) for/ }).click();
  await page.waitForURL(/\/campaigns\/[0-9a-f-]{36}$/);
};

describe("signing in", () => {
  test("takes the link's secret out of the address, and a link works once", async () => {
    await signIn();
    expect(new URL(page.url()).hash).toBe("");
    const link = await newLink();
    const other = await browser.newContext();
    const first = await other.newPage();
    await first.goto(link);
    await first.getByRole("heading", { name: "Campaigns" }).waitFor();
    await other.clearCookies();
    await first.goto("about:blank");
    await first.goto(link);
    await first.getByRole("alert").getByText("Sign-in link used, expired or unknown").waitFor();
    await other.close();
  });

  test("by an API key, and out again", async () => {
    context = await browser.newContext();
    page = await context.newPage();
    await page.goto(cluster.urls.webapi as string);
    await page.getByLabel("API key").fill("wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("Unknown or revoked API key").waitFor();
    await page.getByLabel("API key").fill(cluster.apiKey);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Campaigns" }).waitFor();
    const [cookie] = await context.cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict" });
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Who are you?" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Who are you?" }).waitFor();
  });
});

describe("sending", () => {
  test("five contacts by drag and drop, until they have their ends, and the message's page says why it was charged", async () => {
    await signIn();
    await shoot("first_visit");
    await page.getByRole("link", { name: "Text your first people" }).click();
    await drop("five.csv", "name,phone\nAino,+358401234567\nEero,0407654321\nHelmi,0501112233\nOnni,0501112244\nVeikko,0501112255\n");
    await page.locator(".verdict-line").getByText("can be texted").waitFor();
    await page.getByLabel("Text", { exact: true }).fill("Hello {name}!");
    await page.getByText("Hello Aino!").waitFor();
    const before = await creditShown();
    await runIt();
    await page.getByText("finished", { exact: true }).waitFor({ timeout: 45_000 });
    await expect.poll(creditShown, { timeout: 10_000 }).toBeLessThan(before);
    await page.getByRole("table").getByRole("link", { name: "1", exact: true }).click();
    await page.getByRole("heading", { name: "+358401234567" }).waitFor();
    expect(await page.locator(".stop h2").allInnerTexts()).toHaveLength(8);
    await page
      .getByText(/Charged because it was sent|Not charged/)
      .first()
      .waitFor();
  });

  test("a bad file shows each reason with its lines before anything is sent, and a file that is none says what to do", async () => {
    await signIn();
    await page.getByRole("link", { name: "New campaign" }).first().click();
    await drop("bad.csv", "name,phone\nA,123\nB,040 123 4567\nC,+358401234567\nD,not a number\n");
    await page.locator(".verdict-line").getByText("can be texted").waitFor();
    const reasons = page.getByRole("list", { name: "rows that cannot be texted, by reason" });
    await reasons.getByText("number too short").waitFor();
    await reasons.getByRole("button", { name: /the same number again/ }).click();
    await page.locator(".reject-lines").getByText("line 4").waitFor();
    // nobody at all: the reasons are chips as for any file, and no error takes their place
    await drop("nobody.csv", "name,phone\nA,123\nB,09 1234567\nC,\n");
    await page.locator(".verdict-line").getByText("0 can be texted · 3 cannot").waitFor();
    for (const reason of ["number too short", "not a mobile number", "no number"]) await reasons.getByText(reason).waitFor();
    await page.getByLabel("Text", { exact: true }).fill("Hello");
    await page.getByText("Nobody in this file can be texted; the reasons are above.").waitFor();
    await drop("contacts.csv", "BEGIN:VCARD\nVERSION:3.0\nTEL:+358401234567\nEND:VCARD\n");
    await page.getByText("This is a vCard file (.vcf). Import it into your contacts and export those as CSV.").waitFor();
    expect(await page.getByRole("button", { name: /^Simulate texting / }).isDisabled()).toBe(true);
  });

  test("a semicolon file of Excel in Finnish: who is left out and why, in words, before anything is paid", async () => {
    await signIn();
    await page.getByRole("link", { name: "New campaign" }).first().click();
    await drop("opiskelijat.csv", finnishExport);
    await page.locator(".verdict-line").getByText("can be texted").waitFor();
    await page.getByLabel("Text", { exact: true }).fill("Hei {etunimi}!");
    await page.getByText("Hei Väinö!").waitFor();
    const verdict = async () => (await page.locator(".verdict-line").innerText()).replace(/\s+/g, " ");
    // judged anew a moment after the last letter
    await expect.poll(verdict).toBe("3 can be texted · 4 cannot");
    const reasons = page.getByRole("list", { name: "rows that cannot be texted, by reason" });
    for (const reason of ["the same number again", "number too short", "more cells than the header has", "a value of the text is empty"])
      await reasons.getByText(reason).waitFor();
    await page.getByText('The numbers are those of "puhelin"').waitFor();
    expect(await page.getByLabel("Read as").inputValue()).toBe("windows-1252");
    await page.getByText("{etunimi} is empty in 1 row, left out of the campaign.").waitFor();
    await page.getByRole("checkbox", { name: "text them all the same" }).check();
    await page.getByRole("button", { name: "Simulate texting 4 people for at most 0.4 credits" }).waitFor();
  });

  test("asks what it does not know: which column, which reading, which sheet", async () => {
    await signIn();
    await page.getByRole("link", { name: "New campaign" }).first().click();
    await drop("two.csv", twoColumns);
    await page.getByRole("group", { name: "Which column should be texted?" }).waitFor();
    await page.getByLabel("Text", { exact: true }).fill("Hello");
    await page.getByText("Answer the question about the file first.").waitFor();
    expect(await page.getByRole("button", { name: /^Simulate texting / }).isDisabled()).toBe(true);
    await page.getByRole("button", { name: /^phone_b column 3, 2 numbers in the first rows/ }).click();
    await page.getByRole("button", { name: "Simulate texting 2 people for at most 0.2 credits" }).waitFor();
    await drop("old.csv", latin1("name,phone\nma\u00a4ana,0401234501\n"));
    await page.getByRole("group", { name: "Which of these looks right?" }).waitFor();
    await page.getByRole("button", { name: /ma€ana/ }).click();
    await page.getByRole("cell", { name: "ma€ana" }).waitFor();
    await drop("book.xlsx", twoSheets);
    await page.getByRole("group", { name: "Which sheet should be texted?" }).waitFor();
    await page.getByRole("button", { name: /^Autumn/ }).click();
    await page.getByRole("button", { name: "Simulate texting 5 people for at most 0.5 credits" }).waitFor();
    await runIt();
    await page.getByText("finished", { exact: true }).waitFor({ timeout: 45_000 });
  });

  test("nobody is texted when it would be more than the page showed", async () => {
    await signIn();
    const before = await creditShown();
    await page.getByRole("link", { name: "New campaign" }).first().click();
    await drop("two.csv", "name,phone\nA,0401234501\nB,0401234502\n");
    await page.getByLabel("Text", { exact: true }).fill("Hello");
    // as if the page had shown one person less
    await page.route("**/run", (route) => {
      const body = route.request().postDataJSON();
      return route.continue({ postData: JSON.stringify({ ...body, expect: { ...body.expect, contacts: 1 } }) });
    });
    await page.getByRole("button", { name: "Simulate texting 2 people for at most 0.2 credits" }).click();
    const alert = page.getByRole("alert");
    await alert.getByText("Nobody was texted: it would be more than this page showed.").waitFor();
    await alert.getByText("now it is 2 people, 2 parts and 0.2 credits at most").waitFor();
    await shoot("quote_changed");
    expect(await creditShown()).toBe(before);
    await page.unroute("**/run");
    await runIt();
  });

  test("is followed up with the file in hand: its columns beside the report and the rejects, and another file is refused", async () => {
    await signIn();
    const sent = "name;phone;group\nAda;0401234501;1-2\nBen;abc;3\nCy;0401234502;4\n";
    await page.getByRole("link", { name: "New campaign" }).first().click();
    await drop("people.csv", sent);
    await page.getByLabel("Text", { exact: true }).fill("Hello");
    await page.getByRole("button", { name: "Simulate texting 2 people for at most 0.2 credits" }).waitFor();
    await runIt();
    await page.getByText("finished", { exact: true }).waitFor({ timeout: 45_000 });
    const followUp = page.getByRole("region", { name: "report and rejected rows" });
    await followUp.getByRole("link", { name: "Report of every message (CSV)" }).waitFor();
    await drop("people.csv", sent.replace("0401234502", "0401234509"));
    await followUp.getByRole("alert").getByText("Line 4: the campaign has +358401234502 from it").waitFor();
    await drop("people.csv", sent);
    const report = await downloaded("Report with all columns (CSV)");
    const [header, ada, cy] = report.split("\r\n");
    expect(header).toBe("\ufeffline;row_no;msisdn;status;reason;parts;error_code;sent_at;done_at;name;phone;group");
    expect(ada).toMatch(/^2;1;"=""\+358401234501""";[a-z]+;.*;Ada;"=""0401234501""";"=""1-2"""$/);
    expect(cy).toMatch(/^4;2;.*;Cy;"=""0401234502""";4$/);
    expect(await downloaded("Rejected rows, whole (CSV)")).toMatch(
      /^\ufeffname;phone;group;line;reason;what_to_do\r\nBen;abc;3;3;msisdn_letters;/,
    );
    await shoot("follow_up_light");
    await page.emulateMedia({ colorScheme: "dark" });
    await shoot("follow_up_dark");
    await page.emulateMedia({ colorScheme: null });
    await drop("book.xlsx", twoSheets);
    await followUp.getByRole("group", { name: "Which sheet should be texted?" }).waitFor();
    await followUp.getByRole("button", { name: /^Autumn/ }).click();
    await followUp.getByRole("alert").getByText("This is not the file that was sent").waitFor();
  });

  test("shows what makes a text expensive, and makes it cheap by a click", async () => {
    await signIn();
    await create(contacts, "Your card – “please” bring it");
    await page.getByText("UCS-2, 70 per part").waitFor();
    await page.getByRole("button", { name: "Replace all" }).click();
    expect(await page.getByLabel("Text", { exact: true }).inputValue()).toBe('Your card - "please" bring it');
    await page.getByText("GSM-7, 160 per part").waitFor();
  });

  test("by keyboard alone", async () => {
    await signIn();
    const tabTo = async (description: RegExp) => {
      for (let tries = 0; tries < 60; tries++) {
        await page.keyboard.press("Tab");
        const focused = await page.evaluate<string>(
          "[document.activeElement.tagName, document.activeElement.id, document.activeElement.innerText].join(' ')",
        );
        if (description.test(focused)) return;
      }
      throw new Error(`no Tab leads to ${description}`);
    };
    await tabTo(/New campaign/);
    await page.keyboard.press("Enter");
    await tabTo(/made-up sample/);
    await page.keyboard.press("Enter");
    await page.locator(".verdict-line").getByText("can be texted").waitFor();
    await tabTo(/TEXTAREA text/);
    await page.keyboard.type("Hello!");
    await page.getByRole("button", { name: /^Simulate texting 3 people/ }).waitFor();
    await expect.poll(() => page.getByRole("button", { name: /^Simulate texting 3 people/ }).isEnabled()).toBe(true);
    await tabTo(/BUTTON {2}Simulate texting 3 people/);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/campaigns\/[0-9a-f-]{36}$/);
  });
});

describe("watching", () => {
  test("a campaign of thousands: credit falls live, pause stops it, resume ends it, the laws hold", async () => {
    await signIn();
    await create(students, "Hi {first_name}! Exams in {programme} open on Monday.");
    await shoot("send");
    const before = await creditShown();
    await runIt();
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("button", { name: "Resume" }).waitFor();
    await page.getByRole("button", { name: "Resume" }).click();
    await expect.poll(creditShown, { timeout: 30_000 }).toBeLessThan(before - 100);
    await shoot("campaign");
    await goTo("System");
    await page.getByRole("button", { name: /^sales_worker, alive/ }).waitFor();
    await shoot("system");
    await page.goBack();
    await page.getByText("finished", { exact: true }).waitFor({ timeout: 50_000 });
    await page.getByRole("button", { name: /^undelivered/ }).click();
    await page.getByText(/\d+ found/).waitFor();
    await page.getByRole("link", { name: /^laws: \d+ of 11 hold/ }).click();
    await page.getByText(/^\d+ laws hold$/).waitFor();
    await shoot("laws");
    await goTo("Credit");
    await page.getByText("charged for sent parts").first().waitFor();
    await shoot("credit");
  }, 120_000);

  test("a killed worker goes hollow, and comes back", async () => {
    await signIn();
    await goTo("System");
    await page.getByRole("button", { name: /^general_worker, alive/ }).waitFor();
    cluster.kill("general_worker", "SIGSTOP");
    await page.getByRole("button", { name: /^general_worker, silent/ }).waitFor({ timeout: 15_000 });
    cluster.kill("general_worker", "SIGKILL");
    await page.getByRole("button", { name: /^general_worker, alive/ }).waitFor({ timeout: 30_000 });
  });

  test("a lost webapi is said, and the page comes back by itself", async () => {
    await signIn();
    const before = await creditShown();
    cluster.kill("webapi", "SIGKILL");
    await page.getByText("The connection was lost at").waitFor();
    await page.getByText("The connection was lost at").waitFor({ state: "hidden", timeout: 30_000 });
    expect(await creditShown()).toBe(before);
  });

  test("a top-up is in the credit and in the ledger", async () => {
    await signIn();
    const before = await creditShown();
    await goTo("Credit");
    await page.getByLabel("Top up by").fill("25.5");
    await page.getByRole("button", { name: "Top up" }).click();
    await page.getByText("25.5 credits were added.").waitFor();
    await expect.poll(creditShown).toBeCloseTo(before + 25.5, 3);
    await page.getByRole("cell", { name: "topped up" }).first().waitFor();
    await page.getByLabel("Top up by").fill("-1");
    await page.getByRole("button", { name: "Top up" }).click();
    await page.getByRole("alert").waitFor();
    expect(await creditShown()).toBeCloseTo(before + 25.5, 3);
  });
});

describe("carriers", () => {
  const people = "name,phone\nAino,+358401234501\nEero,0401234502\nSven,+46701740610\n";
  const telia = () => page.getByRole("region", { name: "carrier telia" });

  /** A real one: nobody answers where it should be, so nobody says that it is simulated. */
  async function plantCarrier(): Promise<void> {
    const settings = { protocol: "smpp", host: "127.0.0.1", port: await freePort("127.0.0.1", 0), system_id: "planted" };
    const body = { name: "telia", settings, secret: "secret", senders: ["Oulu", "Turku"] };
    bodyOf(await askHttp("POST", `${cluster.urls.salesapi}/carriers`, { key: cluster.adminKey, body }));
  }
  async function dropPeople(): Promise<void> {
    await page.goto(`${cluster.urls.webapi}/send`);
    await drop("people.csv", people);
    await page.locator(".verdict-line").getByText("can be texted").waitFor();
    await page.getByLabel("Text", { exact: true }).fill("Hello {name}!");
  }

  test("are shown to the key of the installation alone, which the page forgets", async () => {
    await plantCarrier();
    await signIn();
    await goTo("Carriers");
    await page.getByLabel("Key of the installation").fill(cluster.apiKey);
    await page.getByRole("button", { name: "Show the carriers" }).click();
    await page.getByRole("alert").getByText("The key lacks a scope").waitFor();
    await showCarriers();
    await telia().getByText("only tested", { exact: true }).waitFor();
    await telia().getByText("Its endpoint has not answered yet; until then it counts as real.").waitFor();
    // by itself: nothing is pressed until a worker has tried its link
    await telia()
      .getByText(/link 1 closed: .*cannot be reached/)
      .waitFor({ timeout: 20_000 });
    await telia().getByText("10 parts a second over 1 link · window 10").waitFor();
    await shoot("carriers");
    const kept = await page.evaluate<string>("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])");
    expect(kept).not.toContain(cluster.adminKey);
    await goTo("Credit");
    await goTo("Carriers");
    await telia().waitFor();
    await page.reload();
    await page.getByLabel("Key of the installation").waitFor();
    expect(await telia().count()).toBe(0);
  });

  test("that are only tested text their test phones alone, and the page says so before", async () => {
    await signIn();
    await goTo("Carriers");
    await showCarriers();
    await telia().locator("summary").click();
    await telia().getByLabel("A phone of your own").fill("040 1");
    await telia().getByRole("button", { name: "Add" }).click();
    await telia().getByRole("alert").getByText("number too short").waitFor();
    await telia().getByLabel("A phone of your own").fill("040 123 4502");
    await telia().getByRole("button", { name: "Add" }).click();
    await telia().getByRole("button", { name: "+358401234502 remove" }).waitFor();
    await dropPeople();
    expect(await page.getByLabel("Carrier").inputValue()).toBe("simulator");
    await page.getByText("Simulated: no phone is reached.").waitFor();
    await page.getByLabel("Carrier").selectOption("telia");
    await page.getByText("Real: phones are texted through telia, for money.").waitFor();
    await page.getByText("telia is only tested: its test phones are texted, and nobody else.").waitFor();
    await page.getByText("Choose a sender first: telia has no usual one.").waitFor();
    await page.getByLabel("Sender").selectOption("Oulu");
    await page.getByRole("button", { name: "Text 1 test phone through telia for at most 0.1 credits" }).waitFor();
    const reasons = page.getByRole("list", { name: "rows that cannot be texted, by reason" });
    for (const reason of ["not on the carrier's list of test phones 1", "a country that the carrier does not send to 1"])
      await reasons.getByRole("button", { name: reason }).waitFor();
    await page.getByText("Hello Eero!").waitFor();
    await shoot("send_test_only");
  });

  test("go live when somebody has read what it means, and campaigns through them name them on the button", async () => {
    await signIn();
    await goTo("Carriers");
    await showCarriers();
    await telia().getByRole("button", { name: "Make live" }).click();
    const question = telia().getByRole("group", { name: "Let everybody be texted through telia?" });
    await question.getByText("Destinations: Finland. Senders: Oulu and Turku.").waitFor();
    await shoot("carriers_live");
    await page.keyboard.press("Enter"); // the safe answer has the focus
    await question.waitFor({ state: "hidden" });
    await telia().getByText("only tested", { exact: true }).waitFor();
    await telia().getByRole("button", { name: "Make live" }).click();
    await question.getByRole("button", { name: "Make telia live" }).click();
    await telia().getByText("takes campaigns to everybody").waitFor();
    await dropPeople();
    await page.getByLabel("Carrier").selectOption("telia");
    await page.getByLabel("Sender").selectOption("Turku");
    await page.getByRole("button", { name: "Text 2 people through telia for at most 0.2 credits" }).click();
    await page.waitForURL(/\/campaigns\/[0-9a-f-]{36}$/);
    await page.getByText("through telia").first().waitFor();
    expect(await page.getByText("no phone").count()).toBe(0);
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Cancel it: sure?" }).click();
    await page.getByText("canceled", { exact: true }).first().waitFor();
    await goTo("Carriers");
    await showCarriers();
    await telia().getByRole("button", { name: "Pause" }).click();
    await telia().getByRole("button", { name: "Back to live" }).waitFor();
  });

  test("that the simulator answers for are simulated, on the button, the campaign and its report", async () => {
    await addSmppCarrier(cluster, "oulu");
    await signIn();
    await dropPeople();
    await page.getByLabel("Carrier").selectOption("smpp-oulu");
    // a paused one is no choice
    expect(await page.getByLabel("Carrier").locator("option").allInnerTexts()).toEqual([
      "none: simulated, no phone is reached",
      "smpp-oulu · simulated",
    ]);
    await page.getByRole("button", { name: "Simulate texting 3 people for at most 0.3 credits" }).click();
    await page.waitForURL(/\/campaigns\/[0-9a-f-]{36}$/);
    await page.getByText("finished", { exact: true }).waitFor({ timeout: 45_000 });
    await page.locator(".campaign-carrier").getByText("simulated").waitFor();
    await page.getByText("Simulated: no phone was reached.").waitFor();
    // as if two of its answers had never come
    await page.route("**/statistics", async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), ended_in_doubt: 2 } });
    });
    await page.reload();
    await page.getByRole("heading", { name: "2 messages in doubt" }).waitFor();
    await page.getByText("Whoever texts these people again may text them twice.").waitFor();
    await shoot("campaign_in_doubt");
    await page.unroute("**/statistics");
  });

  test("cannot change between what the page showed and the run", async () => {
    await signIn();
    const before = await creditShown();
    await dropPeople();
    // as if its endpoint had turned out to be real meanwhile
    await page.route("**/create", async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), carrier: { name: "simulator", simulated: false } } });
    });
    await page.getByRole("button", { name: "Simulate texting 3 people for at most 0.3 credits" }).click();
    await page.getByRole("alert").getByText("Nobody was texted: the carrier is not what this page showed.").waitFor();
    expect(await creditShown()).toBe(before);
    await page.unroute("**/create");
  });
});

describe("the look", () => {
  const narrow = { width: 360, height: 760 };
  test.each([
    { name: "light", options: {} },
    { name: "dark", options: { colorScheme: "dark" as const } },
    { name: "narrow", options: { viewport: narrow } },
    { name: "narrow_dark", options: { colorScheme: "dark" as const, viewport: narrow } },
  ])("$name: a file's verdict and its questions fit the window", async ({ name, options }) => {
    await signIn(options);
    await page.getByRole("link", { name: "New campaign" }).first().click();
    const states: [state: string, file: string | Uint8Array, text: string, sign: string][] = [
      ["verdict", finnishExport, "Hei {etunimi}! Tentti siirtyy maanantaille \u2013 katso sali.", "can be texted"],
      ["costly_cells", `name,phone\nO\u2019Hara,0401234501\n`, `Hi {name}! ${"Come to the library. ".repeat(5)}`, "in the file's cells"],
      ["column", twoColumns, "Hello", "Which column should be texted?"],
      ["encoding", latin1("name,phone\nma\u00a4ana,0401234501\n"), "Hello", "Which of these looks right?"],
      ["sheet", twoSheets, "Hello", "Which sheet should be texted?"],
    ];
    for (const [state, file, text, sign] of states) {
      await drop(`${state}.csv`, file);
      await page.getByLabel("Text", { exact: true }).fill(text);
      await page.getByText(sign).first().waitFor();
      if (state === "verdict") await page.getByRole("button", { name: /number too short/ }).click();
      await shoot(`send_${state}_${name}`);
      const overflow = await page.evaluate<number>("document.documentElement.scrollWidth - document.documentElement.clientWidth");
      expect(overflow, state).toBeLessThanOrEqual(0);
    }
  });

  test.each([
    { name: "dark", options: { colorScheme: "dark" as const } },
    { name: "narrow", options: { viewport: { width: 360, height: 760 } } },
    { name: "narrow_dark", options: { colorScheme: "dark" as const, viewport: { width: 360, height: 760 } } },
  ])("$name: every page fits its window", async ({ name, options }) => {
    await signIn(options);
    for (const path of ["campaigns", "send", "system", "credit", "carriers", "laws"]) {
      await page.goto(`${cluster.urls.webapi}/${path}`);
      await page.getByRole("heading", { level: 1 }).waitFor();
      if (path === "system") await page.getByRole("button", { name: /^webapi, alive/ }).waitFor();
      if (path === "carriers") await showCarriers();
      await shoot(`${name}_${path}`);
      const overflow = await page.evaluate<number>("document.documentElement.scrollWidth - document.documentElement.clientWidth");
      expect(overflow, path).toBeLessThanOrEqual(0);
    }
    await page.goto(`${cluster.urls.webapi}/campaigns`);
    await page.locator(".campaigns a").first().click();
    await page.getByRole("heading", { name: "Messages" }).waitFor();
    await shoot(`${name}_campaign`);
    expect(await page.evaluate<number>("document.documentElement.scrollWidth - document.documentElement.clientWidth")).toBeLessThanOrEqual(
      0,
    );
  });
});

describe("for everybody (WCAG 2.2 AA, judged by axe)", () => {
  interface AxeAnswer {
    violations: { id: string; help: string; nodes: { html: string; failureSummary?: string }[] }[];
    passes: { id: string }[];
  }

  /** Notes what axe finds wrong on the page as it stands: rule, and the first element of each. */
  async function judge(name: string, found: string[]): Promise<void> {
    await page.evaluate(axe.source);
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const answer = await page.evaluate<AxeAnswer>(`axe.run(document, { runOnly: ${JSON.stringify(tags)} })`);
    expect(answer.passes.map(({ id }) => id)).toContain("color-contrast");
    for (const { id, help, nodes } of answer.violations) {
      // the label of a node in the drawing is its name, with which its accessible name begins; the
      // figures below it are not its label
      const wrong = nodes.filter(({ html }) => !(id === "label-content-name-mismatch" && html.startsWith('<g class="part')));
      for (const { html, failureSummary } of wrong) found.push(`${name}: ${id}: ${help}: ${html} ${failureSummary ?? ""}`);
    }
  }

  test.each(["light", "dark"] as const)("%s: labels, roles, order and contrast of every page", async (colorScheme) => {
    const found: string[] = [];
    context = await browser.newContext({ colorScheme });
    page = await context.newPage();
    await page.goto(cluster.urls.webapi as string);
    await page.getByRole("heading", { name: "Who are you?" }).waitFor();
    await judge("signing in", found);
    await context.close();

    await signIn({ colorScheme });
    for (const path of ["campaigns", "system", "credit", "carriers", "laws"]) {
      await page.goto(`${cluster.urls.webapi}/${path}`);
      await page.getByRole("heading", { level: 1 }).waitFor();
      if (path === "system") await page.getByRole("button", { name: /^webapi, alive/ }).waitFor();
      if (path === "laws") await page.getByText(/^\d+ laws hold$/).waitFor();
      await judge(path, found);
      if (path !== "carriers") continue;
      await showCarriers();
      await page.getByRole("button", { name: "Remove" }).first().click();
      await page.locator(".test-phones summary").first().click();
      await judge("the carriers", found);
    }
    await page.goto(`${cluster.urls.webapi}/send`);
    await drop("mixed.csv", "name,phone\nA,123\nB,040 123 4567\nC,+358401234567\n");
    await page.locator(".verdict-line").getByText("can be texted").waitFor();
    await page.getByLabel("Text", { exact: true }).fill("Dear {name} – come");
    await page.getByText("UCS-2, 70 per part").waitFor();
    await judge("send", found);
    await drop("two.csv", twoColumns);
    await page.getByRole("group", { name: "Which column should be texted?" }).waitFor();
    await judge("a question about the file", found);
    await page.getByRole("button", { name: /^phone_a/ }).click();
    await runIt();
    await page.getByRole("heading", { name: "Messages" }).waitFor();
    await page.getByRole("table").getByRole("link", { name: "1", exact: true }).waitFor();
    await judge("campaign", found);
    await page.getByRole("table").getByRole("link", { name: "1", exact: true }).click();
    await page.locator(".stop h2").first().waitFor();
    await judge("message", found);
    expect(found).toEqual([]);
  });
});
