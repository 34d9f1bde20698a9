/** Sign-up, sign-in and the recovery kit. */
export const firstRun = {
  welcome: {
    title: "Welcome to Sealkeep",
    start: "Start backing up",
    startText: "Create an account and back up your first database. Takes about five minutes.",
    restore: "Sign in or restore",
    restoreText: "Sign in on this computer and restore a backup. You'll need your recovery kit.",
    service: (server: string) => `Service: ${server}`,
  },

  steps: {
    label: "Steps",
    account: "Account",
    code: "Two-step sign-in",
    kit: "Recovery kit",
    source: "First database",
    of: (step: number, all: number) => `Step ${step} of ${all}`,
  },

  account: {
    title: "Create your account",
    email: "Email",
    password: "Password",
    passwordHint: "At least 10 characters. It never leaves this device, and nobody can reset it for you.",
    strength: ["Very weak", "Weak", "Fair", "Good", "Strong"],
    tooShort: "Too short",
    region: "Where your backups are stored",
    regionHint: "You can't change this later. Your data stays in this region.",
    regions: {
      us: ["United States", "Stored in the United States, under US law."],
      ca: ["Canada", "Stored in Canada, under Canadian law."],
      eu: ["European Union", "Stored in the EU, under the GDPR."],
    },
    device: "Device name",
    deviceHint: "Helps you tell your devices apart.",
    submit: "Create account",
  },

  code: {
    title: "Set up two-step sign-in",
    text: "Scan this code with an authenticator app such as Aegis, 1Password, or Google Authenticator.",
    qr: "QR code for your authenticator app",
    secret: "Can't scan it? Enter this key",
    label: "6-digit code",
    submit: "Confirm code",
  },

  kit: {
    title: "Save your recovery kit",
    text: "These 24 words unlock your backups without us and without this device. We show them only once, and nobody can recreate them.",
    words: "The 24 words",
    pdf: "Save as PDF",
    plain: "Save as text",
    saved: (path: string) => `Saved to ${path}`,
    codes: "Recovery codes",
    codesText: "If you lose your authenticator, each code works once in place of the 6-digit code. Save them in your password manager.",
    kept: "I've saved the kit and the codes",
    proveTitle: "Confirm your recovery kit",
    prove: (a: number, b: number, c: number) => `Enter words ${a}, ${b}, and ${c}`,
    proveSubmit: "Confirm words",
    proveFile: "Use the saved file instead",
    again: "Show the words again",
    newKit: "Discard any kit from an earlier attempt. Only this one works.",
  },

  signIn: {
    title: "Sign in",
    text: "Use the email and password of your Sealkeep account.",
    submit: "Continue",
    factorTitle: "Two-step sign-in",
    factor: "6-digit code from your authenticator",
    recovery: "Recovery code",
    useRecovery: "Use a recovery code instead",
    useDigits: "Use a 6-digit code instead",
    wordsTitle: "Set up this device",
    wordsText: "Enter the 24 words from your recovery kit. They unlock your backups on this device and are never sent anywhere.",
    words: "Recovery words, in order",
    wordsHint: "Type or paste them, with or without numbers. The first four letters of each word are enough.",
    wordsSoFar: (recognized: number) => `${recognized} of 24 words`,
    wordsComplete: "All 24 words recognized.",
    wordsWrong: (number: number, typed: string, suggestion: string | null) =>
      suggestion === null ? `Word ${number}, "${typed}", isn't in the list.` : `Word ${number}, "${typed}", isn't in the list. Did you mean "${suggestion}"?`,
    openKit: "Open a saved kit…",
    wordsSubmit: "Unlock backups",
    unfinished: (email: string) => `Sign in as ${email} to continue.`,
    other: "Use another account",
  },

  /** What the program is waiting for while no run is shown. */
  waits: {
    away: (seconds: number, limit: string) => `No answer for ${seconds} s. Retrying for up to ${limit}.`,
    proving: (seconds: number) => `Too many sign-in attempts for this email address. This device is completing an extra check: about ${seconds} s left.`,
  },
};
