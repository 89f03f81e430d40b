// What a column's name says about the phone numbers in it, in the languages of the exports that
// people have: Google Contacts, Outlook, Apple,
// Mailchimp, HubSpot, Salesforce, Moodle, student registries. Pure, also for the browser. Called by
// phone_column.ts.
import { columnKey } from "../../sms/template.ts";

/**
 * `mobile`: the person's mobile phone. `phone`: a phone of the person's. `weak`: may be anything
 * with a number. `other_person`: a phone that somebody else answers, or a machine (emergency
 * contact, guardian, next of kin, work, employer, fax): never used unless named. `unknown`: none of
 * these.
 */
export type HeaderKind = "mobile" | "phone" | "weak" | "other_person" | "unknown";

export interface HeaderMeaning {
  kind: HeaderKind;
  /** It is an additional one, or the one at home: `Mobile 2`, `Other Phone`, `Home Phone`. */
  isSecondary: boolean;
}

/**
 * Long enough to have this meaning anywhere in a name without whitespace and accents:
 * `matkapuhelinnumero`, `numero de telephone`.
 */
const mobileParts = [
  "mobile mobil mobiel movil movel celular cellulare cellphone cellular cellnumber cellno handynummer handynr msisdn gsmnumber gsmnr",
  "matkapuhelin kannykka mobiltelefon mobilnummer mobiltlf mobilnr mobiilinumero mobiil mobilais mobilusis mobiltel smartphone",
  "portable telefonino komorka komorkowy komorkowa komorka farsimi mobitel handphone hpnumber telefonseluler nomorhp whatsapp",
  "мобильный мобильного мобильныи мобилен мобилни мобільний сотовый κινητο جوال موبايل محمول نايد موبایل همراه 携帯 手机 手機 行動電話 휴대폰 휴대전화 핸드폰 มือถือ diđong didong",
].flatMap(wordsOf);
const mobileWords = wordsOf("mob cell cel gsm handy mobi hp natel cep ceptelefonu sms smsnumber smsno mobilos mov cellulaire נייד मोबाइल");

const phoneParts = [
  "phone telephon telefon telefoon telefono telefone puhelin puhnro puhno telephone tlfnr telnr telno telnumber phonenr telefoni talefon",
  "contactnumber contactno contactnr yhteysnumero yhteysnro kontaktnummer simanumer teleph telef numertel numtel notel tel.no teleno nomortelepon telepon dienthoai sodienthoai",
  "телефон τηλεφων هاتف تلفن तلفون تليفون 電話 电话 전화 โทรศัพท์ טלפון फोन ফোন टेलीफोन दूरभाष",
].flatMap(wordsOf);
const phoneWords = wordsOf(
  "simi tel tlf tfn tlfn puh telf fon fono telno telnr tn tele phon ph phno fone numerotel nrtel nrtelefonu simnumber тел τηλ",
);

const weakWords = wordsOf(
  "number numbers numero numer nummer number nr no nro num n id to contact contacts recipient recipients destination address value номер رقم numéro número número numurs szam szám telszam",
);

/**
 * Other people's, or nobody's: a phone column with one of these parts or words is never used unless
 * named.
 */
const otherParts = [
  // emergency contacts and next of kin
  "emergency nextofkin hatayhteys hatanumero hatatapaus yhteyshenkilo lahiomai omainen omaisen nodkontakt nodsituation anhorig narmasteanhorig narstaende notfall notrufkontakt angehorig",
  "urgence emergencia emergenza noodgeval noodcontact contactpersoon nodkontakt parorende paarorende hadaabi hadaolukord lahedane nagly naglychwypadk wraziewypadku najblizsz экстрен контактноелицо родствен",
  "contactperson kontaktperson ansprechpartner ansprechperson personneacontacter personacontact personadecontacto personadicontatto pessoadecontato kontaktisik osobakontaktowa iceconta icephone icenumber",
  // guardians and parents
  "guardian huoltaja vanhemman vanhempi vardnadshavare vardnadshaver malsman foralder foralder erziehungsberechtigt sorgeberechtigt sorgerecht eltern tuteur tutrice tutor encargado encarregad apoderado",
  "genitor genitore responsavel responsable responsabile ouder voogd verzorger foresatt foresat foreldre foraeldre foraelder forelder vergemal varge eestkostja lapsevanem vanema opiekun rodzic родител опекун законныйпредставитель",
  "parent caregiver caretaker mother father spouse husband stepmother stepfather grandmother grandfather puoliso conjoint conyuge coniuge echtgeno ehepartner ehegatt ektefelle aegtefaelle abikaasa malzonek malzonka супруг",
  // work and employers
  "workphone worktel worknumber workmobile workcell businessphone businesstel businessmobile companyphone companymain companytel companynumber officephone officetel officenumber employer organizationphone organisationphone",
  "tyopuh tyonum tyomatk tyotel tyonantaj yrityspuh yrityksenpuh toimistopuh arbetstel arbetsmobil arbetsgivare jobbtel jobbmobil jobbnr firmatel foretagstel foretagetstel geschaftstel geschaftlich dienstlich diensttel diensthandy",
  "arbeitgeber arbeitstel firmentel firmenhandy burotel burotelefon bueroteleon buerotel employeur professionnel telpro entreprise bureautel trabajo empresa oficina empleador laboral lavoro ufficio azienda datoredilavoro trabalho escritorio",
  "empregador empresarial comercial werktel werkgever zakelijk kantoortel bedrijfstel arbeidsgiver arbeidstlf arbejdstel arbejdstlf arbejdsgiver tootel tooandja toomobiil firmowy sluzbow pracodawc рабоч служебн работодател",
  "assistant secretary sihteeri sekretar secretaria segreteria supervisor manager esimies headoffice switchboard vaihde reception",
  // machines
  "fax telefax telekopi telecopie faksi факс телефакс فاكس pager beeper telex isdn",
].flatMap(wordsOf);
const otherWords = [
  "ice icecontact work business office company employer job tyo työ arbete arbetet jobb jobbet firma foretag dienst geschaft arbeit beruf buro buero bureau travail pro trabajo empresa oficina lavoro ufficio",
  "trabalho trabalhar werk zakelijk kantoor bedrijf arbeid arbejde arbejds too praca sluzbowy firmowy fax faks mother mothers father fathers mom moms mum mums dad dads wife parents kin relative relatives sibling reference referee",
  "aiti aidin isa isan mor mors far fars mamma pappa mutter vater mere mère pere père madre padre mae mãe pai moeder vader ema isa ema matka matki ojciec ojca мать мама отец папа work1 work2 pager tty tdd radio car callback school koulu",
].flatMap(wordsOf);

const secondaryWords = wordsOf(
  "home other alternate alternative alt secondary second second2 backup extra additional old previous koti kotipuhelin toinen muu vara vanha hem hemtelefon annan andra privat privattelefon zweit zweite andere weitere alt autre domicile secondaire fixe casa otro otra secundario altro casa secondario outro residencial thuis tweede vast hjemme hjemmetelefon annen anden kodu muu teine domowy inny drugi домашний другой второй landline lankapuhelin fastnat fastnettelefon festnetz fijo fisso vaste",
);

function wordsOf(list: string): string[] {
  return list.split(" ").map(squash);
}

/**
 * A name without accents, signs, whitespace and invisible characters: "Mobile-phone no." and
 * "mobilephoneno" are the same.
 */
export function squash(name: string): string {
  return splitWords(name).join("");
}

function splitWords(name: string): string[] {
  const bare = columnKey(name.replace(/[\p{Default_Ignorable_Code_Point}]/gu, "").replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2"));
  const plain = bare
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/['’`´]s\b/g, "s")
    .replaceAll("ø", "o")
    .replaceAll("đ", "d")
    .replaceAll("ß", "ss")
    .replaceAll("ł", "l")
    .replaceAll("æ", "ae");
  return plain.match(/\p{L}+/gu) ?? [];
}

const phrases = ["next of kin", "head office", "person to contact"];

/** Depends on the name alone. */
export function meaningOf(name: string): HeaderMeaning {
  const words = splitWords(name);
  const whole = words.join("");
  const hasPart = (parts: readonly string[]) => parts.some((part) => whole.includes(part));
  const hasWord = (list: readonly string[]) => words.some((word) => list.includes(word)) || list.includes(whole);
  const further = Number(/\d+/.exec(name)?.[0] ?? 1) >= 2;
  const isSecondary = further || hasWord(secondaryWords);
  const isOther = hasPart(otherParts) || hasWord(otherWords) || phrases.some((phrase) => columnKey(name).includes(phrase));
  if (whole === "") return { kind: "unknown", isSecondary };
  if (isOther) return { kind: "other_person", isSecondary };
  if (hasPart(mobileParts) || hasWord(mobileWords)) return { kind: "mobile", isSecondary };
  if (hasPart(phoneParts) || hasWord(phoneWords)) return { kind: "phone", isSecondary };
  return { kind: words.length <= 2 && words.every((word) => weakWords.includes(word)) ? "weak" : "unknown", isSecondary };
}
