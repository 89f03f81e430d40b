import { describe, expect, it } from "vitest";
import { judgePhoneColumn, type PhoneColumnVerdict, sampleRowsMax } from "./phone_column.ts";

const country = "FI";

/** `name of the column: why`, or what else the verdict is. */
function judged(file: string, options = { country }): string {
  const [header = [], ...rows] = file
    .trim()
    .split("\n")
    .map((line) => line.split(","));
  return shown(judgePhoneColumn(header, rows, options));
}

function shown(verdict: PhoneColumnVerdict): string {
  if (verdict.kind === "column") return `${verdict.column.index}: ${verdict.why}`;
  if (verdict.kind === "none") return "none";
  return `ambiguous: ${verdict.candidates
    .slice(0, 2)
    .map(({ name, numbers }) => `${name} ${numbers}`)
    .join(", ")}`;
}

describe("the phone column", () => {
  it("is never one of member numbers, dates or amounts", () => {
    expect(judged("Name,Number,Contact Number\nAda,4512345,0401234501\nBen,4512346,0401234502")).toBe("2: only_numbers");
    expect(judged("Name,Number\nAda,4512345\nBen,4512346\nCy,4598311")).toBe("none");
    expect(judged("Name,id,to\nAda,450000,20260511\nBen,450001,20260512\nCy,450002,20260513")).toBe("none");
    expect(judged("Name,Date,Amount\nAda,11.5.2026,450000\nBen,12.5.2026,4500000")).toBe("none");
  });

  it("may have no name: its cells are judged", () => {
    expect(judged("Name,Number,\nAda,4512345,0401234501\nBen,4512346,0401234502")).toBe("2: cells");
    expect(judged("Name,Yhteystieto\nAda,+358 40 1234501\nBen,ei ole\nCy,040 1234503")).toBe("1: cells");
  });

  it("with a weak name counts when most of its cells are phone numbers and there is no better one", () => {
    expect(judged("Name,Number\nAda,0401234501\nBen,0401234502")).toBe("1: cells");
    expect(judged("to\n+358401234501")).toBe("0: cells");
    expect(judged("nr,Number\n1,0401234501\n2,0401234502")).toBe("1: cells");
    expect(judged("Name,Number\nAda,401234501\nBen,401239502\nCy,501234503")).toBe("1: cells");
    expect(judged("Name,Number,Mobile\nAda,0501234501,0401234501")).toBe("2: only_numbers");
    expect(judged("Number\nabc\ndef\n0401234501")).toBe("none");
  });

  it("is asked for when two hold numbers and neither is clearly the mobile one", () => {
    expect(judged("Name,Phone,Mobile 2\nAda,0401234501,\nBen,0401234502,0501234502\nCy,0401234503,")).toBe(
      "ambiguous: Phone 3, Mobile 2 1",
    );
    expect(judged("Phone 1,Phone 2\n0401234501,0501234501")).toBe("ambiguous: Phone 1 1, Phone 2 1");
    expect(judged("Phone,Mobile\n0401234501,\n0401234502,0501234502")).toBe("ambiguous: Phone 2, Mobile 1");
    // the sender's own number stands in each row
    expect(judged("From,To\n0501234501,0401234501\n0501234501,0401234502")).toBe("ambiguous: From 2, To 2");
    expect(judged("Yhteys,Number\n0401234501,451234567\n0401234502,451234999")).toBe("0: cells");
    expect(judged("Tieto,Toinen tieto\n0401234501,0501234501")).toBe("ambiguous: Tieto 1, Toinen tieto 1");
  });

  it("is the mobile one where that is filled wherever another is, or where the other has landlines", () => {
    expect(judged("Phone,Mobile\n0401234501,0501234501\n,0501234502")).toBe("1: mobile_header");
    expect(judged("Home Phone,Mobile Phone\n09 1234567,0501234501\n09 1234568,")).toBe("1: only_numbers");
    expect(judged("Mobile 2,Mobile\n0401234501,0501234501\n,0501234502")).toBe("1: first_numbers");
    expect(judged("Puhelin,Matkapuhelin\n,0501234501\n,0501234502")).toBe("1: only_numbers");
  });

  it("is judged by its name alone where no cell can be texted", () => {
    expect(judged("Name,Phone\nAda,09 1234567\nBen,abc")).toBe("1: header");
    expect(judged("Phone,Mobile\n,abc\n,def")).toBe("1: header");
    expect(judged("Name,Phone")).toBe("1: header");
    expect(judged("Name,Email\nAda,ada@example.com")).toBe("none");
  });

  it.each(
    [
      "Mobile No,Contact Number,Cell No,Telefoonnummer,Numéro de téléphone,Телефон,رقم الهاتف,Phone 1 - Value,mobilePhone,PHONE_NUMBER,Phone Number (mobile)",
      "Matkapuhelin,Matkapuhelinnumero,Puhelinnumero,Puh.,Puh. nro,GSM,Kännykkä,Mobiltelefon,Mobilnummer,Telefonnr.,Tel.,Tel. mobil,Handynummer,Mobilfunknummer",
      "Portable,Tél. portable,Téléphone mobile,Móvil,Teléfono celular,Celular,Cellulare,Numero di cellulare,Telemóvel,Mobiel nummer,Mobilnr,Tlf.,Mobiltlf",
      "Mobiiltelefon,Telefoninumber,Telefon komórkowy,Numer telefonu,Komórka,Мобильный телефон,Номер телефона,Κινητό,Τηλέφωνο,טלפון נייד,جوال,手机,携帯電話,電話番号,전화번호,휴대폰",
      "โทรศัพท์มือถือ,मोबाइल नंबर,ফোন,Số điện thoại,Nomor HP,Telefonszám,Mobilní telefon,Mobilný telefón,Telefon mobil,Cep Telefonu,Mobitel,Mobilais tālrunis,Símanúmer,SMS Number,WhatsApp,Phone\u200b,tele\u0301phone",
    ].flatMap((names) => names.split(",")),
  )("%s is the name of one", (name) => {
    const verdict = judgePhoneColumn(["Nimi", name], [["Ada", "abc"]], { country });
    expect(shown(verdict)).toBe("1: header");
  });

  it.each(
    [
      "Emergency Contact,Emergency Contact Phone,ICE number,Next of Kin,Next of kin mobile,Guardian Phone,Parent 1 Mobile,Parent/Guardian Tel,Mother's phone,Father mobile,Spouse phone",
      "Work Phone,Business Phone,Company Main Phone,Office Tel,Employer phone,Assistant's Phone,Work mobile,Business Fax,Fax,Fax number,Home Fax,Pager,Telex",
      "Hätäyhteyshenkilö,Huoltajan puhelin,Huoltajan matkapuhelin,Lähiomaisen puhelinnumero,Työpuhelin,Työnumero,Työ puh.,Faksi,Äidin puhelin,Isän puhelin,Vanhemman puhelin,Toimistopuhelin",
      "Vårdnadshavare telefon,Anhörig mobil,Nödkontakt,Arbetstelefon,Telefon arbete,Jobbmobil,Målsman mobil,Mamma mobil,Notfallkontakt Telefon,Erziehungsberechtigter Handy,Telefon geschäftlich,Dienstlich,Diensthandy,Telefax",
      "Contact d'urgence,Téléphone du tuteur,Tél. travail,Téléphone professionnel,Téléphone bureau,Parent téléphone,Télécopie,Contacto de emergencia,Teléfono del tutor,Teléfono trabajo,Teléfono de la madre,Responsable móvil",
      "Contatto di emergenza,Telefono genitore,Telefono lavoro,Telefono ufficio,Cellulare padre,Contacto de emergência,Telemóvel do encarregado de educação,Telefone trabalho,Telefone da mãe,Noodcontact,Telefoon ouder,Telefoon werk,Werktelefoon,Mobiel moeder",
      "Pårørende mobil,Foresatt telefon,Telefon arbeid,Jobbtelefon,Forælder mobil,Arbejdstelefon,Hädaabikontakt,Lapsevanema telefon,Töötelefon,Telefon do opiekuna,Telefon rodzica,Telefon służbowy,Kontakt w nagłych wypadkach telefon awaryjny najbliższy",
      "Рабочий телефон,Телефон родителя,Экстренный контакт,Факс",
    ].flatMap((names) => names.split(",")),
  )("%s is somebody else's: never taken unless named", (name) => {
    const numbers = [["0401234501"], ["0401234502"]];
    expect(shown(judgePhoneColumn([name], numbers, { country }))).toBe("none");
    expect(
      shown(
        judgePhoneColumn(
          [name, "Phone"],
          [
            ["0401234501", ""],
            ["0401234502", "0501234502"],
          ],
          { country },
        ),
      ),
    ).toBe("1: only_numbers");
  });

  it("is told with its reason, both counts, and no more than a line of names", () => {
    const asked = judgePhoneColumn(["a".repeat(5_000), "Phone", "Tel 2"], [["", "0401234501", "0501234501"]], { country });
    expect(asked.description).toBe(
      'Two columns hold phone numbers: "Phone" has 1 and "Tel 2" has 1 of the first rows. Name the one to text with phone_column.',
    );
    const taken = judgePhoneColumn([`${"mobile ".repeat(900)}`], [["0401234501"]], { country });
    expect(taken.description.length).toBeLessThan(200);
    expect(judgePhoneColumn(["Name", ""], [["Ada", "0401234501"]], { country }).description).toBe(
      "The numbers are those of column 2, by its cells: its first cell is a number that can be texted.",
    );
  });

  it("is told with counts that a person can read", () => {
    const cells = Array.from({ length: sampleRowsMax }, (_, row) => [row < 15 ? "unknown" : "0401234501"]);
    const taken = judgePhoneColumn(["Phone"], cells, { country });
    expect(taken.description).toContain(`(${(sampleRowsMax - 15).toLocaleString("en-US")} of its first 1,000 cells are`);
  });

  it("is judged by its first rows, and by the same ones however long the file", () => {
    const first = Array.from({ length: sampleRowsMax }, () => ["0401234501", ""]);
    const later = [["0401234501", "0501234501"]];
    expect(shown(judgePhoneColumn(["Phone", "Tel"], [...first, ...later], { country }))).toBe("0: only_numbers");
    expect(shown(judgePhoneColumn(["Phone", "Tel"], [...later, ...first], { country }))).toContain("ambiguous");
  });

  it("is found among names that are objects' own", () => {
    expect(judged("constructor,__proto__,toString,phone\na,b,c,0401234501")).toBe("3: only_numbers");
  });
});
