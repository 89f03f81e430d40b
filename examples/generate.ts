// Makes the contact files of this folder: made-up students of Oulu, the same rows for the same
// seed. Run `npx tsx examples/generate.ts` to write them again; src/cli/examples.test.ts compares
// them with what this makes.
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Any other number makes other students. */
const seed = 5_000;

const header = "first_name,last_name,phone,faculty,programme,year";

/**
 * Rows of the large file by what is wrong with their number; the rest is good. Their sum stays
 * below 300.
 */
const badRows = { duplicate: 97, tooShort: 41, letters: 14, landline: 16, tooLong: 9, missing: 8, spreadsheet: 5 };

const firstNames =
  "Aino Aada Alina Anni Annika Eevi Elina Ella Emilia Emma Essi Eveliina Hanna Helmi Henna Hilla Iida Ilona Inka Jenna Johanna Julia Kaisa Katri Kerttu Laura Lotta Maija Mari Milla Minttu Neea Noora Oona Pihla Päivi Ronja Saana Salla Sanni Sara Senja Siiri Sini Sofia Suvi Tiia Tuuli Venla Viivi Aapo Aaro Akseli Aleksi Antti Arttu Eero Eetu Eino Elias Emil Henri Iiro Ilari Joel Joona Juho Jussi Kalle Lasse Lauri Leevi Luukas Mika Mikael Mikko Miro Niilo Niko Oiva Olli Onni Otto Paavo Pekka Petri Pyry Rasmus Roope Sami Samuli Santeri Sulo Tapio Teemu Toivo Tuomas Urho Väinö Ville Yrjö".split(
    " ",
  );
const lastNames =
  "Aalto Ahonen Anttila Eskola Hakala Halonen Hannula Harju Heikkilä Heikkinen Heinonen Hietala Hiltunen Hirvonen Huttunen Hyvönen Hämäläinen Ikonen Jokinen Jääskeläinen Kallio Karjalainen Karppinen Kauppinen Kemppainen Keränen Kettunen Kinnunen Koivisto Korhonen Koskela Kuusela Kärkkäinen Laakso Laine Laitinen Lappalainen Lehtinen Lehtonen Leinonen Lepistö Lindholm Manninen Mattila Mikkonen Moilanen Mustonen Mäkelä Mäkinen Määttä Niemelä Nieminen Nurmi Ojala Oikarinen Partanen Peltola Pesonen Pitkänen Rantala Rautio Riekki Rissanen Ruotsalainen Räsänen Saarinen Salmela Salonen Savolainen Seppälä Siltanen Soininen Suomela Tervonen Tikkanen Toivonen Tolonen Turunen Tuominen Uusitalo Vainio Väisänen Virtanen Vuorinen Ylitalo".split(
    " ",
  );
/**
 * The last programme of each faculty is rare, and one has a name so long that its text takes two
 * parts.
 */
const faculties: readonly [faculty: string, programmes: readonly string[]][] = [
  ["Technology", ["Mechanical Engineering", "Process Engineering", "Industrial Management", "Environmental Engineering"]],
  ["Information Technology", ["Computer Science", "Electronics", "Biomedical Engineering", "Wireless Communications"]],
  ["Science", ["Mathematics", "Physics", "Chemistry", "Geography"]],
  ["Education", ["Teacher Education", "Educational Sciences", "Music Education", "Learning, Education and Technology"]],
  ["Humanities", ["Finnish Language", "History", "Logopedics", "Indigenous Languages, Cultures and Societies of the Arctic"]],
  ["Business School", ["Accounting", "Economics", "Marketing", "International Business"]],
  ["Medicine", ["Medicine", "Dentistry", "Nursing Science", "Health Technology"]],
];

/** Prefixes that Finnish mobile numbers begin with, as spoken at home (without the 0). */
const mobilePrefixes = ["40", "40", "40", "41", "44", "44", "45", "46", "50", "50"];

interface Student {
  firstName: string;
  lastName: string;
  phone: string;
  faculty: string;
  programme: string;
  year: number;
}

/** The small file: five people, one way of spelling each, all good. */
export function fiveContacts(): string {
  const random = createRandom(seed + 5);
  const spellings = ["040 1234501", "+358401234502", "00358 40 1234503", "040-1234504", "+358 40 123 4505"];
  return toCsv(spellings.map((phone) => ({ ...makeStudent(random), phone })));
}

/** The large file: exactly 5,000 rows, of which fewer than 300 cannot be texted. */
export function ouluStudents(rows = 5_000): string {
  const random = createRandom(seed);
  const wrong = Object.entries(badRows).flatMap(([kind, count]) => Array.from({ length: count }, () => kind));
  const students = Array.from({ length: rows - wrong.length }, () => makeStudent(random));
  const numbers = new Set<string>();
  for (const student of students) {
    let digits = makeNumber(random);
    while (numbers.has(digits)) digits = makeNumber(random);
    numbers.add(digits);
    student.phone = spell(digits, random);
  }
  const known = [...numbers];
  for (const kind of wrong) {
    // a duplicate may come to stand before the row that it doubles: then that row is the reject,
    // and the count is the same
    const at = Math.floor(random() * (students.length + 1));
    students.splice(at, 0, { ...makeStudent(random), phone: badPhone(kind as keyof typeof badRows, known, random) });
  }
  return toCsv(students);
}

function badPhone(kind: keyof typeof badRows, known: readonly string[], random: () => number): string {
  const digits = makeNumber(random);
  switch (kind) {
    case "duplicate":
      return spell(pick(known, random), random);
    case "tooShort":
      return `0${digits.slice(0, 2)} ${digits.slice(2, 3)}`;
    case "letters":
      return pick(["ask my mother", `0${digits.slice(0, 2)} I23 4O56`, "no phone", "puh. kotona"], random);
    case "landline":
      return `08 ${5_300_000 + Math.floor(random() * 90_000)}`;
    case "tooLong":
      return `+358 ${digits} ${digits}`;
    case "missing":
      return "";
    case "spreadsheet":
      return `3.58E+11`;
  }
}

function makeStudent(random: () => number): Student {
  const [faculty, programmes] = pick(faculties, random);
  const isRare = random() < 0.2;
  const programme = isRare ? (programmes.at(-1) as string) : pick(programmes.slice(0, -1), random);
  return {
    firstName: pick(firstNames, random),
    lastName: pick(lastNames, random),
    phone: "",
    faculty,
    programme,
    year: 1 + Math.floor(random() * 5),
  };
}

/** National significant number of nine digits, without the 0 that is dialled in Finland. */
function makeNumber(random: () => number): string {
  return pick(mobilePrefixes, random) + String(1_000_000 + Math.floor(random() * 8_999_999));
}

/** One number the ways that people write it. */
function spell(digits: string, random: () => number): string {
  const [prefix, rest] = [digits.slice(0, 2), digits.slice(2)];
  const spaced = `${rest.slice(0, 3)} ${rest.slice(3)}`;
  return pick(
    [
      `0${prefix} ${rest}`,
      `0${prefix} ${rest}`,
      `0${prefix} ${spaced}`,
      `0${digits}`,
      `0${prefix}-${rest}`,
      `+358${digits}`,
      `+358 ${prefix} ${rest}`,
      `+358 ${prefix} ${spaced}`,
      `00358 ${prefix} ${rest}`,
      `00358${digits}`,
    ],
    random,
  );
}

function toCsv(students: readonly Student[]): string {
  const lines = students.map((s) => [s.firstName, s.lastName, s.phone, s.faculty, s.programme, String(s.year)].map(quote).join(","));
  return `${[header, ...lines].join("\n")}\n`;
}

function quote(cell: string): string {
  return /[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

function pick<T>(items: readonly T[], random: () => number): T {
  return items[Math.floor(random() * items.length)] as T;
}

/**
 * Mulberry32: 32 bits of state, the same sequence everywhere.
 * https://gist.github.com/tommyettinger/46a874533244883189143505d203312c
 */
function createRandom(from: number): () => number {
  let state = from >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = dirname(fileURLToPath(import.meta.url));
  writeFileSync(join(folder, "5_contacts.csv"), fiveContacts());
  writeFileSync(join(folder, "oulu_students_5000.csv"), ouluStudents());
}
