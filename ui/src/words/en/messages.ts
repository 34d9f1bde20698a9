/** Sentences of the program, by id; the arguments are in the order that `app/desktop/src/view/message.rs` gives them. */
export const messages = {
  messages: {
    unreadable_tables: (number, first) =>
      number === "1" ? `The database user can't read ${first}.` : `The database user can't read ${number} tables, such as ${first}.`,
    plain_connection: (host) => `The connection to the database at ${host} isn't encrypted.`,
    cache_quarantined: (path) => `The local cache was damaged. It was kept as ${path} and is being rebuilt.`,
    memory_lost: () =>
      "This device's local record of your snapshots (pins.db) is missing or outdated. Sealkeep uses the copy stored with the device's keys. You don't have to do anything.",
    record_list_unusable: (why) => `This backup is complete but larger than necessary: ${why}`,
    compressed_dump: (by) =>
      `This dump is compressed with ${by}, so every backup of it will be nearly as large as the first. Turn the compression off (pg_dump -Fc -Z0): Sealkeep compresses the data itself.`,
    bad_index_object: (id, why) => `Index object ${id} can't be read and is skipped (${why}). It is a cache; no backup depends on it.`,
    signed_ahead: (snapshot, device, minutes) =>
      `Device "${device}" signed snapshot ${snapshot} ${minutes} min ahead of this device's clock. Check both clocks. If they are right, revoke that device.`,
    sqlite_copied: (file, sides) => `${file} is a SQLite database in use. A consistent copy is backed up, including the changes still in ${sides}.`,
    read_again: (why) => `Reading the file again: ${why}`,
    facts_unknown: (why) => `Some details of the database couldn't be determined (${why}). The dump doesn't need them.`,
    left_over: (names) => `An interrupted restore left ${names} on this server. To drop them, run "sealkeep restore --clean-up URL".`,
    timer_edited: (unit) => `The timer ${unit} was edited by hand, so it keeps its old name and times.`,
    timer_of_system: (unit) => `The timer ${unit} belongs to the system: only an administrator can change it. It keeps its old name and times.`,
    timer_refused: (unit, why) => `The timer ${unit} can't be changed and keeps its old name and times: ${why}`,
    timer_kept: (path) => `The timer was removed. It had been edited by hand: its file is kept as ${path}.`,
    other: (sentence) => `${sentence}.`,
    kept_in_file: (path) => `${path} (readable only by its owner)`,
    kept_in_sealed_file: (path) => `${path} (encrypted with a passphrase)`,
    kept_in_memory: () => "Memory, until Sealkeep quits",
  } as Record<string, (...parts: string[]) => string>,
};
