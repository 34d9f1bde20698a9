import type { firstRun as english } from "../en/first-run";

/** Sign-up, sign-in and the recovery kit. */
export const firstRun: typeof english = {
  welcome: {
    title: "Willkommen bei Sealkeep",
    start: "Backups einrichten",
    startText: "Legen Sie ein Konto an und sichern Sie Ihre erste Datenbank. Das dauert etwa fünf Minuten.",
    restore: "Anmelden oder wiederherstellen",
    restoreText: "Melden Sie sich auf diesem Rechner an und stellen Sie ein Backup wieder her. Sie brauchen Ihr Recovery-Kit.",
    service: (server) => `Dienst: ${server}`,
  },

  steps: {
    label: "Schritte",
    account: "Konto",
    code: "Zwei-Faktor-Anmeldung",
    kit: "Recovery-Kit",
    source: "Erste Datenbank",
    of: (step, all) => `Schritt ${step} von ${all}`,
  },

  account: {
    title: "Konto anlegen",
    email: "E-Mail",
    password: "Passwort",
    passwordHint: "Mindestens 10 Zeichen. Es verlässt dieses Gerät nie, und niemand kann es für Sie zurücksetzen.",
    strength: ["Sehr schwach", "Schwach", "Mittel", "Gut", "Stark"],
    tooShort: "Zu kurz",
    region: "Speicherort Ihrer Backups",
    regionHint: "Das lässt sich später nicht ändern. Ihre Daten bleiben in dieser Region.",
    regions: {
      us: ["USA", "Gespeichert in den USA, nach US-Recht."],
      ca: ["Kanada", "Gespeichert in Kanada, nach kanadischem Recht."],
      eu: ["Europäische Union", "Gespeichert in der EU, nach der DSGVO."],
    },
    device: "Gerätename",
    deviceHint: "Hilft Ihnen, Ihre Geräte zu unterscheiden.",
    submit: "Konto anlegen",
  },

  code: {
    title: "Zwei-Faktor-Anmeldung einrichten",
    text: "Scannen Sie diesen Code mit einer Authenticator-App, zum Beispiel Aegis, 1Password oder Google Authenticator.",
    qr: "QR-Code für Ihre Authenticator-App",
    secret: "Scannen nicht möglich? Geben Sie diesen Schlüssel ein",
    label: "6-stelliger Code",
    submit: "Code bestätigen",
  },

  kit: {
    title: "Recovery-Kit speichern",
    text: "Mit diesen 24 Wörtern öffnen Sie Ihre Backups ohne uns und ohne dieses Gerät. Wir zeigen sie nur einmal, und niemand kann sie neu erzeugen.",
    words: "Die 24 Wörter",
    pdf: "Als PDF speichern",
    plain: "Als Text speichern",
    saved: (path) => `Gespeichert unter ${path}`,
    codes: "Recovery-Codes",
    codesText: "Wenn Sie Ihren Authenticator verlieren, ersetzt jeder dieser Codes einmal den 6-stelligen Code. Speichern Sie sie in Ihrem Passwortmanager.",
    kept: "Ich habe Kit und Codes gespeichert",
    proveTitle: "Recovery-Kit bestätigen",
    prove: (a, b, c) => `Geben Sie die Wörter ${a}, ${b} und ${c} ein`,
    proveSubmit: "Wörter bestätigen",
    proveFile: "Stattdessen die gespeicherte Datei verwenden",
    again: "Wörter noch einmal anzeigen",
    newKit: "Vernichten Sie Kits aus früheren Versuchen. Nur dieses funktioniert.",
  },

  signIn: {
    title: "Anmelden",
    text: "Verwenden Sie E-Mail-Adresse und Passwort Ihres Sealkeep-Kontos.",
    submit: "Weiter",
    factorTitle: "Zwei-Faktor-Anmeldung",
    factor: "6-stelliger Code aus Ihrem Authenticator",
    recovery: "Recovery-Code",
    useRecovery: "Stattdessen einen Recovery-Code verwenden",
    useDigits: "Stattdessen den 6-stelligen Code verwenden",
    wordsTitle: "Dieses Gerät einrichten",
    wordsText: "Geben Sie die 24 Wörter aus Ihrem Recovery-Kit ein. Sie öffnen Ihre Backups auf diesem Gerät und werden nie übertragen.",
    words: "Recovery-Wörter, der Reihe nach",
    wordsHint: "Eintippen oder einfügen, mit oder ohne Nummern. Die ersten vier Buchstaben jedes Worts genügen.",
    wordsSoFar: (recognized) => `${recognized} von 24 Wörtern`,
    wordsComplete: "Alle 24 Wörter erkannt.",
    wordsWrong: (number, typed, suggestion) =>
      suggestion === null ? `Wort ${number}, „${typed}“, steht nicht in der Liste.` : `Wort ${number}, „${typed}“, steht nicht in der Liste. Meinten Sie „${suggestion}“?`,
    openKit: "Gespeichertes Kit öffnen …",
    wordsSubmit: "Backups öffnen",
    unfinished: (email) => `Melden Sie sich als ${email} an, um fortzufahren.`,
    other: "Ein anderes Konto verwenden",
  },

  waits: {
    away: (seconds, limit) => `Seit ${seconds} s keine Antwort. Weitere Versuche für höchstens ${limit}.`,
    proving: (seconds) => `Zu viele Anmeldeversuche für diese E-Mail-Adresse. Dieses Gerät erledigt eine zusätzliche Prüfung: noch etwa ${seconds} s.`,
  },
};
