import type { firstRun as english } from "../en/first-run";

/** Sign-up, sign-in and the recovery kit. */
export const firstRun: typeof english = {
  welcome: {
    title: "Was möchten Sie tun?",
    start: "Backups einrichten",
    startText: "Ein Konto anlegen und die erste Datenbank schützen. Etwa fünf Minuten.",
    restore: "Daten wiederherstellen",
    restoreText: "Auf diesem Rechner anmelden und ein Backup zurückholen. Halten Sie Ihr Recovery-Kit bereit.",
    service: (server) => `Dienst: ${server}`,
  },

  steps: {
    label: "Schritte",
    account: "Konto",
    code: "Zweiter Faktor",
    kit: "Recovery-Kit",
    source: "Erste Datenbank",
    of: (step, all) => `Schritt ${step} von ${all}`,
  },

  account: {
    title: "Konto anlegen",
    email: "E-Mail",
    password: "Passwort",
    passwordHint: "Mindestens 10 Zeichen. Es verlässt nie diesen Rechner, und niemand kann es für Sie zurücksetzen.",
    strength: ["Sehr leicht zu erraten", "Leicht zu erraten", "Könnte besser sein", "Gut", "Sehr gut"],
    tooShort: "Mindestens 10 Zeichen",
    region: "Wo Ihre Backups liegen",
    regionHint: "Einmal gewählt. Daten dieses Kontos verlassen ihre Region nie.",
    regions: {
      us: ["USA", "Gespeichert in den USA, nach deren Recht."],
      ca: ["Kanada", "Gespeichert in Kanada, nach dessen Recht."],
      eu: ["Europäische Union", "Gespeichert in der EU, nach der DSGVO."],
    },
    device: "Name dieses Geräts",
    deviceHint: "Damit Sie Ihre Geräte auseinanderhalten.",
    submit: "Konto anlegen",
  },

  code: {
    title: "Zweiten Faktor einrichten",
    text: "Scannen Sie dies mit einer Authenticator-App, etwa Aegis, 1Password oder Google Authenticator.",
    qr: "QR-Code für Ihren Authenticator",
    secret: "Oder tippen Sie dieses Geheimnis ab",
    label: "Die sechs Ziffern, die sie zeigt",
    submit: "Bestätigen",
  },

  kit: {
    title: "Recovery-Kit sichern",
    text: "Diese 24 Wörter öffnen Ihre Backups ohne uns und ohne diesen Rechner. Sie werden einmal gezeigt, und niemand kann sie noch einmal erzeugen.",
    words: "Die 24 Wörter",
    pdf: "Als PDF sichern",
    plain: "Als Text sichern",
    saved: (path) => `Gesichert: ${path}`,
    codes: "Ersatzcodes",
    codesText: "Jeder ersetzt einmal die sechs Ziffern, falls Sie Ihren Authenticator verlieren. Sichern Sie sie in Ihrem Passwortmanager.",
    kept: "Ich habe Kit und Codes gesichert",
    proveTitle: "Zeigen Sie, dass Sie es haben",
    prove: (a, b, c) => `Tippen Sie die Wörter Nummer ${a}, ${b} und ${c}`,
    proveSubmit: "Bestätigen",
    proveFile: "Stattdessen die gesicherte Datei wählen",
    again: "Die Wörter noch einmal zeigen",
    newKit: "Ein Kit aus einem früheren Versuch ist wertlos: Dieses tritt an seine Stelle.",
  },

  signIn: {
    title: "Anmelden",
    text: "Danach sehen Sie Ihre Snapshots.",
    submit: "Weiter",
    factorTitle: "Zweiter Faktor",
    factor: "Sechs Ziffern aus Ihrem Authenticator",
    recovery: "Ersatzcode",
    useRecovery: "Authenticator verloren: Ersatzcode verwenden",
    useDigits: "Die sechs Ziffern verwenden",
    wordsTitle: "Dieser Rechner ist neu",
    wordsText: "Tippen Sie die 24 Wörter Ihres Recovery-Kits. Sie öffnen die Schlüssel Ihrer Backups auf diesem Rechner; sie werden nirgendwohin gesendet.",
    words: "Die 24 Wörter, der Reihe nach",
    wordsHint: "Tippen oder fügen Sie sie ein, mit oder ohne Nummern. Die ersten vier Buchstaben jedes Worts genügen.",
    wordsSoFar: (recognized) => `${recognized} von 24 Wörtern`,
    wordsComplete: "Alle 24 Wörter erkannt.",
    wordsWrong: (number, typed, suggestion) =>
      suggestion === null ? `Wort ${number}, „${typed}“, steht nicht in der Liste.` : `Wort ${number}, „${typed}“, steht nicht in der Liste. Meinten Sie „${suggestion}“?`,
    openKit: "Gespeichertes Kit öffnen …",
    wordsSubmit: "Meine Backups öffnen",
    unfinished: (email) => `Melden Sie sich wieder als ${email} an, um fortzufahren.`,
    other: "Ein anderes Konto verwenden",
  },

  waits: {
    away: (seconds, limit) => `Seit ${seconds} s keine Antwort. Sealkeep versucht es weiter, bis zu ${limit}.`,
    proving: (seconds) => `Viele versuchen, sich mit dieser Adresse anzumelden. Dieses Gerät beweist, dass es nicht dazugehört: noch etwa ${seconds} s.`,
  },
};
