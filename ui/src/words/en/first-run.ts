/** Sign-up, sign-in and the recovery kit. */
export const firstRun = {
  welcome: {
    title: "What brings you here?",
    start: "Start backing up",
    startText: "Make an account and protect your first database. About five minutes.",
    restore: "Restore my data",
    restoreText: "Sign in on this machine and get a backup back. Have your recovery kit at hand.",
    service: (server: string) => `Service: ${server}`,
  },

  steps: {
    label: "Steps",
    account: "Account",
    code: "Second factor",
    kit: "Recovery kit",
    source: "First database",
    of: (step: number, all: number) => `Step ${step} of ${all}`,
  },

  account: {
    title: "Make your account",
    email: "E-mail",
    password: "Password",
    passwordHint: "At least 10 characters. It never leaves this machine, and nobody can reset it for you.",
    strength: ["Very easy to guess", "Easy to guess", "Could be better", "Good", "Very good"],
    tooShort: "At least 10 characters",
    region: "Where your backups are stored",
    regionHint: "Chosen once. Data of this account never leaves its region.",
    regions: {
      us: ["United States", "Stored in the USA, under its law."],
      ca: ["Canada", "Stored in Canada, under its law."],
      eu: ["European Union", "Stored in the EU, under the GDPR."],
    },
    device: "Name of this device",
    deviceHint: "So that you can tell your devices apart.",
    submit: "Make the account",
  },

  code: {
    title: "Set up your second factor",
    text: "Scan this with an authenticator app, such as Aegis, 1Password or Google Authenticator.",
    qr: "QR code for your authenticator",
    secret: "Or type this secret",
    label: "The six digits that it shows",
    submit: "Confirm",
  },

  kit: {
    title: "Save your recovery kit",
    text: "These 24 words open your backups without us and without this machine. They are shown once, and nobody can make them again.",
    words: "The 24 words",
    pdf: "Save as PDF",
    plain: "Save as text",
    saved: (path: string) => `Saved: ${path}`,
    codes: "Recovery codes",
    codesText: "Each replaces the six digits once, if you lose your authenticator. Save them in your password manager.",
    kept: "I have saved the kit and the codes",
    proveTitle: "Show that you have it",
    prove: (a: number, b: number, c: number) => `Type words number ${a}, ${b} and ${c}`,
    proveSubmit: "Confirm",
    proveFile: "Choose the saved file instead",
    again: "Show the words again",
    newKit: "A kit from an earlier try is worthless: this one takes its place.",
  },

  signIn: {
    title: "Sign in",
    text: "After this you see your snapshots.",
    submit: "Continue",
    factorTitle: "Second factor",
    factor: "Six digits from your authenticator",
    recovery: "Recovery code",
    useRecovery: "I lost my authenticator: use a recovery code",
    useDigits: "Use the six digits",
    wordsTitle: "This machine is new",
    wordsText: "Type the 24 words of your recovery kit. They open your backups' keys on this machine; they are not sent anywhere.",
    words: "The 24 words, in order",
    wordsHint: "Type or paste them, with or without their numbers. The first four letters of each word are enough.",
    wordsSoFar: (recognized: number) => `${recognized} of 24 words`,
    wordsComplete: "All 24 words recognized.",
    wordsWrong: (number: number, typed: string, suggestion: string | null) =>
      suggestion === null ? `Word ${number}, "${typed}", isn't in the list.` : `Word ${number}, "${typed}", isn't in the list. Did you mean "${suggestion}"?`,
    openKit: "Open a saved kit…",
    wordsSubmit: "Open my backups",
    unfinished: (email: string) => `Sign in again as ${email} to go on.`,
    other: "Use another account",
  },

  /** What the program is waiting for while no run is shown. */
  waits: {
    away: (seconds: number, limit: string) => `No answer for ${seconds} s. Sealkeep goes on trying, for up to ${limit}.`,
    proving: (seconds: number) => `Many sign-ins are being tried for this address. This machine proves that it is not one of them: about ${seconds} s.`,
  },
};
