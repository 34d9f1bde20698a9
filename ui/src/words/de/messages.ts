import type { messages as english } from "../en/messages";

/** Sentences of the program, by id. */
export const messages: typeof english = {
  messages: {
    unreadable_tables: (number, first) =>
      number === "1" ? `Der Datenbankbenutzer kann ${first} nicht lesen.` : `Der Datenbankbenutzer kann ${number} Tabellen nicht lesen, zum Beispiel ${first}.`,
    plain_connection: (host) => `Die Verbindung zur Datenbank auf ${host} ist nicht verschlüsselt.`,
    cache_quarantined: (path) => `Der lokale Cache war beschädigt. Er wurde als ${path} aufbewahrt und wird neu aufgebaut.`,
    memory_lost: () =>
      "Die lokale Aufzeichnung Ihrer Snapshots auf diesem Gerät (pins.db) fehlt oder ist veraltet. Sealkeep verwendet die Kopie bei den Schlüsseln. Sie müssen nichts tun.",
    record_list_unusable: (why) => `Dieses Backup ist vollständig, aber größer als nötig: ${why}`,
    compressed_dump: (by) =>
      `Dieser Dump ist mit ${by} komprimiert, deshalb wird jedes Backup fast so groß wie das erste. Schalten Sie die Kompression aus (pg_dump -Fc -Z0): Sealkeep komprimiert selbst.`,
    bad_index_object: (id, why) => `Index-Objekt ${id} ist nicht lesbar und wird übersprungen (${why}). Es ist ein Cache; kein Backup hängt davon ab.`,
    signed_ahead: (snapshot, device, minutes) =>
      `Snapshot ${snapshot} vom Gerät „${device}“ trägt eine Uhrzeit, die verglichen mit diesem Gerät ${minutes} min in der Zukunft liegt. Prüfen Sie beide Uhren. Gehen beide richtig, sperren Sie das andere Gerät.`,
    sqlite_copied: (file, sides) => `${file} ist eine SQLite-Datenbank in Gebrauch. Gesichert wird eine konsistente Kopie, einschließlich der Änderungen, die noch in ${sides} stehen.`,
    read_again: (why) => `Die Datei wird noch einmal gelesen: ${why}`,
    facts_unknown: (why) => `Einige Angaben zur Datenbank ließen sich nicht ermitteln (${why}). Der Dump braucht sie nicht.`,
    left_over: (names) => `Eine unterbrochene Wiederherstellung hat ${names} auf diesem Server hinterlassen. Um sie zu löschen, führen Sie „sealkeep restore --clean-up URL“ aus.`,
    timer_edited: (unit) => `Der Timer ${unit} wurde von Hand geändert und behält deshalb Namen und Zeiten.`,
    timer_of_system: (unit) => `Der Timer ${unit} gehört zum System: Nur ein Administrator kann ihn ändern. Er behält Namen und Zeiten.`,
    timer_refused: (unit, why) => `Der Timer ${unit} ließ sich nicht ändern und behält Namen und Zeiten: ${why}`,
    timer_kept: (path) => `Der Timer wurde entfernt. Er war von Hand geändert: Seine Datei liegt noch unter ${path}.`,
    other: (sentence) => `${sentence}.`,
    kept_in_file: (path) => `${path} (nur für den Eigentümer lesbar)`,
    kept_in_sealed_file: (path) => `${path} (mit einer Passphrase verschlüsselt)`,
    kept_in_memory: () => "Arbeitsspeicher, bis Sealkeep beendet wird",
  },
};
