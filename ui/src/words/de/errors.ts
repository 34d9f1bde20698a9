import type { errors as english } from "../en/errors";

/** Errors. */
export const errors: typeof english = {
  errors: {
    title: "Das hat nicht geklappt",
    codes: {
      not_signed_in: ["Niemand ist angemeldet", "Melden Sie sich an, um fortzufahren."],
      wrong_credentials: ["E-Mail oder Passwort ist falsch", "Sehen Sie beides an. Groß- und Kleinschreibung zählen."],
      second_factor: ["Dieser Code passt nicht", "Nehmen Sie den nächsten und prüfen Sie, ob beide Uhren richtig gehen."],
      session_ended: ["Ihre Sitzung ist beendet", "Melden Sie sich wieder an. Ihre Backups sind unberührt."],
      device_revoked: ["Dieses Gerät wurde ausgesperrt", "Ein anderes Ihrer Geräte oder jemand mit Zugang hat das getan. Melden Sie sich neu an, wenn Sie es waren."],
      clock_skew: ["Die Uhr dieses Rechners geht falsch", "Stellen Sie sie und versuchen Sie es noch einmal."],
      service_unreachable: ["Der Dienst von Sealkeep antwortet nicht", "Prüfen Sie Ihr Netz. Gespeicherte Backups sind unberührt."],
      store_unreachable: ["Der Speicher antwortet nicht", "Prüfen Sie Ihr Netz. Was schon gesendet war, wird nicht noch einmal gesendet."],
      source_unreachable: ["Die Datenbank antwortet nicht", "Läuft sie, und stimmen Rechner und Port?"],
      source_auth: ["Die Datenbank lehnt diesen Benutzer ab", "Prüfen Sie Benutzer, Passwort und Datenbank."],
      tool_missing: ["Ein Programm fehlt", "Installieren Sie die Client-Programme von PostgreSQL, mindestens so neu wie der Server."],
      dump_failed: ["Der Dump ist gescheitert", "Es entstand kein Snapshot. Frühere sind unberührt."],
      dump_incomplete: ["Dem Dump fehlt sein Ende", "Es entstand kein Snapshot. Frühere sind unberührt."],
      source_changed: ["Die Datei hat sich beim Lesen geändert", "Es entstand kein Snapshot. Warten Sie, bis niemand mehr hineinschreibt, oder sichern Sie eine Kopie."],
      unusual_dump: ["Dieser Dump gleicht den letzten nicht", "Er ist viel kleiner oder von anderem Format. Es entstand kein Snapshot. Prüfen Sie, ob die Quelle ist, was sie sein soll."],
      exists: ["Das gibt es schon", "Wählen Sie einen anderen Namen."],
      other_source: ["Dieser Name gehört einer anderen Quelle", "Es entstand kein Snapshot: Zwei Quellen unter einem Namen ließen sich bei einer Wiederherstellung nicht unterscheiden."],
      not_empty: ["Die Datenbank ist nicht leer", "Sie blieb, wie sie war. Nennen Sie eine, die es noch nicht gibt, oder tippen Sie ihren Namen im Formular, um ihren Inhalt zu ersetzen."],
      same_as_source: ["Das ist die gesicherte Datenbank", "Sie blieb, wie sie war. Stellen Sie zuerst in eine andere wieder her und vergleichen Sie; um sie zu ersetzen, tippen Sie ihren Namen im Formular."],
      may_be_copy: ["Das könnte die gesicherte Datenbank sein", "Sie blieb, wie sie war. Sie hat dieselben Kennungen: eine Kopie des Originals oder das Original nach einem Neustart."],
      not_replaceable: ["Die Datenbank lässt sich nicht ersetzen", "Sie blieb, wie sie war. Nennen Sie eine, die es noch nicht gibt, oder verbinden Sie sich als ihr Eigentümer."],
      in_use: ["Die Datenbank wird benutzt", "Sie blieb, wie sie war. Beenden Sie die Sitzungen, oder nennen Sie eine, die es noch nicht gibt."],
      missing_on_server: ["Dem Server fehlt etwas", "Nichts wurde geändert. Legen Sie es auf dem Server an und stellen Sie noch einmal wieder her, oder verzichten Sie darauf."],
      restore_failed: ["Der Server hat einen Teil des Dumps abgelehnt", "Nichts davon bleibt in der Datenbank. Der Snapshot ist unberührt."],
      disk_full: ["Die Festplatte ist voll", "Schaffen Sie Platz und versuchen Sie es noch einmal."],
      damaged: ["Gespeicherte Daten sind beschädigt", "Andere Snapshots sind vielleicht ganz: Prüfen Sie sie, oder stellen Sie einen älteren wieder her."],
      rolled_back: ["Der Dienst zeigt eine ältere Geschichte", "Vertrauen Sie ihm nicht, bis das geklärt ist. Was dieses Gerät weiß, bleibt."],
      wrong_recovery_key: ["Das sind nicht die richtigen Wörter", "Sehen Sie noch einmal in Ihr Recovery-Kit."],
      cancelled: ["Angehalten", "Nichts Halbes bleibt zurück."],
    },
  },
};
