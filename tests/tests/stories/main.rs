//! Stories of the real programs. A single test program, so that waits for networks and clocks overlap.

mod at_a_terminal;
mod backup_and_restore;
mod bad_input;
mod compressed_dumps;
mod damaged_index;
mod demo;
mod hard_network;
mod hostile_packs;
mod incomplete_dump;
mod index_rebuild;
mod input_and_output;
mod interrupted_backup;
mod json_output;
mod own_secrets;
mod patience;
mod record_lists;
mod restore_database;
mod restore_failures;
mod restore_refuses;
mod rollback;
mod source_kindness;
mod stage;
mod tampered_store;
mod tenant_isolation;
mod terminal;
mod zero_knowledge;
