//! Imports flow one way. Every crate lists its layers at the top of its `lib.rs` (a program in its `main.rs`), and a
//! violation is reported here with its rule.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::{Item, UseTree, visit::Visit};

/// Source roots of the crates, relative to the repository.
const CRATES: [&str; 7] = [
    "metadata-api/types/src/lib.rs",
    "client-core/src/lib.rs",
    "metadata-api/src/lib.rs",
    "metadata-api/src/bin/metadata-api/main.rs",
    "app/cli/src/main.rs",
    "app/desktop/src/main.rs",
    "tests/src/lib.rs",
];

/// A word in a crate's code, the files that may contain it, and the reason.
type Rule = (&'static str, &'static [&'static str], &'static str);
const PLACES: [(&str, &[Rule]); 2] = [
    (
        "client-core",
        &[
            (
                "aes_gcm::",
                &["crypto/hazmat.rs", "keystore/"],
                "one place encrypts; the key store has a format of its own",
            ),
            ("hkdf::", &["crypto/hazmat.rs"], "one place derives keys"),
            ("age::", &["crypto/identity.rs", "keystore/"], "one place seals to a recipient"),
            ("bip39::", &["crypto/words.rs"], "one place reads and writes recovery words"),
            ("fastcdc::", &["chunk/key.rs"], "one place makes the cutter's table"),
        ],
    ),
    (
        "metadata-api",
        &[
            (
                "sqlx::query",
                &["db/", "embedded/postgres"],
                "queries stand behind a transaction that says whose they are",
            ),
            ("PgPool", &["db/mod.rs"], "the pool is private: a handler cannot have it"),
            ("jsonwebtoken::", &["keys/token.rs"], "tokens are made and read in one place"),
            ("rusty_s3::", &["presign.rs"], "URLs are signed in one place"),
            ("SystemTime::now", &["clock.rs", "embedded/"], "tests can move the clock"),
            ("SealKind::Totp", &["identity/", "keys/"], "seeds are opened where codes are checked"),
        ],
    ),
];
/// Folders of client-core that only compute: no I/O, no clock, no network, not even through another crate.
const PURE: [&str; 6] = ["chunk", "encode", "crypto", "format", "kit", "unwrap"];
const IMPURE: [&str; 13] = [
    "tokio",
    "reqwest",
    "rusqlite",
    "std::fs",
    "std::net",
    "std::time",
    "std::process",
    "std::env",
    "async fn",
    "SystemTime",
    "Instant",
    "println!",
    "tracing",
];

/// Segments of a path within a crate.
type Name = Vec<String>;

/// A module: its file, and the paths it uses.
#[derive(Default)]
struct Module {
    file: PathBuf,
    /// Complete paths used in it.
    named: BTreeSet<Name>,
    /// Its re-exports: the local name and the origin. `*` for everything.
    reexports: Vec<(String, Name)>,
}

/// All modules of a crate by name.
struct Crate {
    root: PathBuf,
    modules: BTreeMap<Name, Module>,
}

/// Collects the paths used in a file, resolved from the crate's root.
struct Reader<'a> {
    here: &'a Name,
    children: BTreeSet<String>,
    module: Module,
}

impl Reader<'_> {
    /// Resolves a path; `None` if it leads to another crate.
    fn resolve(&self, written: &[String]) -> Option<Name> {
        let mut base = self.here.clone();
        let mut rest = written;
        match rest.first()?.as_str() {
            "crate" => {
                base.clear();
                rest = &rest[1..];
            }
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|word| word == "super") {
                    base.pop();
                    rest = &rest[1..];
                }
            }
            first if self.children.contains(first) => {}
            _ => return None,
        }
        base.extend(rest.iter().cloned());
        Some(base)
    }

    fn tree(&mut self, tree: &UseTree, before: &mut Name, public: bool) {
        let named = |name: &str, before: &Name| {
            let mut path = before.clone();
            if name != "self" {
                path.push(name.to_owned());
            }
            path
        };
        let (path, as_name) = match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.tree(&path.tree, before, public);
                before.pop();
                return;
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.tree(tree, before, public);
                }
                return;
            }
            UseTree::Name(name) => (named(&name.ident.to_string(), before), name.ident.to_string()),
            UseTree::Rename(name) => (named(&name.ident.to_string(), before), name.rename.to_string()),
            UseTree::Glob(_) => (named("*", before), "*".to_owned()),
        };
        if let Some(path) = self.resolve(&path) {
            if public {
                self.module.reexports.push((as_name, path.clone()));
            }
            self.module.named.insert(path);
        }
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Meta>().is_ok_and(|meta| meta.path().is_ident("test"))
    })
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Mod(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            _ => return syn::visit::visit_item(self, item),
        };
        if !is_test(attributes) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let public = !matches!(item.vis, syn::Visibility::Inherited);
        self.tree(&item.tree, &mut Vec::new(), public);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let words: Name = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if words.len() > 1
            && let Some(whole) = self.resolve(&words)
        {
            self.module.named.insert(whole);
        }
        syn::visit::visit_path(self, path);
    }
}

impl Crate {
    fn read(root: &Path) -> Self {
        let mut read = Self { root: root.to_owned(), modules: BTreeMap::new() };
        read.add(root.to_owned(), Vec::new());
        read
    }

    fn add(&mut self, file: PathBuf, name: Name) {
        let parsed = syn::parse_file(&fs::read_to_string(&file).unwrap()).unwrap();
        let children: Vec<&syn::ItemMod> = parsed
            .items
            .iter()
            .filter_map(|item| if let Item::Mod(item) = item { Some(item) } else { None })
            .filter(|item| item.content.is_none() && !is_test(&item.attrs))
            .collect();
        let names = children.iter().map(|item| item.ident.to_string()).collect();
        let mut reader = Reader { here: &name, children: names, module: Module::default() };
        reader.visit_file(&parsed);
        let mut module = reader.module;
        module.file.clone_from(&file);
        let is_folder = name.is_empty() || file.ends_with("mod.rs");
        let folder = if is_folder { file.parent().unwrap().to_owned() } else { file.with_extension("") };
        self.modules.insert(name.clone(), module);
        for child in children {
            let word = child.ident.to_string();
            let (flat, deep) = (folder.join(format!("{word}.rs")), folder.join(&word).join("mod.rs"));
            let name = [name.clone(), vec![word]].concat();
            self.add(if flat.exists() { flat } else { deep }, name);
        }
    }

    /// The module that defines what a path names.
    fn definition(&self, path: &[String], depth: usize) -> Option<Name> {
        let at = (0..=path.len()).rev().find(|at| self.modules.contains_key(&path[..*at]))?;
        let (module, rest) = path.split_at(at);
        let Some(item) = rest.first().filter(|_| depth < 8) else { return Some(module.to_vec()) };
        let reexports = &self.modules[module].reexports;
        let exact = reexports.iter().find(|(name, _)| name == item && item != "*");
        let through = exact.map(|(_, from)| [from.as_slice(), &rest[1..]].concat());
        match through {
            Some(path) => self.definition(&path, depth + 1),
            None => Some(module.to_vec()),
        }
    }

    /// The imports of each file. A folder's `mod.rs` may be used by all files in the folder.
    fn imports(&self) -> BTreeMap<&Name, BTreeSet<Name>> {
        let of = |(name, module): (&Name, &Module)| {
            let homes = module.named.iter().filter_map(|path| self.definition(path, 0));
            homes.filter(|home| !name.starts_with(home)).collect()
        };
        self.modules.iter().map(|entry| (entry.0, of(entry))).collect()
    }

    /// The layers at the top of the root: each line may use those below it, but not its own.
    fn layers(&self) -> Vec<Vec<String>> {
        let text = fs::read_to_string(&self.root).unwrap();
        let block = text.split("//! ```text\n//! layers\n").nth(1).unwrap_or_default();
        let block = block.split("//! ```").next().unwrap();
        let words = |line: &str| {
            // A description follows after two spaces.
            let line = line.trim_start_matches("//! ").split("  ").next().unwrap_or_default();
            line.split_whitespace().map(str::to_owned).collect()
        };
        block.lines().map(words).collect()
    }

    fn shown(&self, name: &Name) -> String {
        self.modules[name].file.display().to_string()
    }
}

/// The repository's root.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn crates() -> Vec<Crate> {
    CRATES.iter().map(|path| Crate::read(&repository().join(path))).collect()
}

#[test]
fn imports_go_down_the_layers() {
    let mut wrong = Vec::new();
    for read in crates() {
        let layers = read.layers();
        let at = |name: &Name| layers.iter().position(|layer| layer.contains(name.first().unwrap()));
        let all: BTreeSet<&String> = read.modules.keys().filter_map(|name| name.first()).collect();
        let listed: BTreeSet<&String> = layers.iter().flatten().collect();
        for odd in all.symmetric_difference(&listed) {
            wrong.push(format!("{}: `{odd}` is only in the layers or only in the code", read.root.display()));
        }
        for (name, imported) in read.imports() {
            for home in imported.iter().filter(|home| !home.is_empty() && !name.is_empty()) {
                if home.first() == name.first() {
                    continue;
                }
                if let (Some(from), Some(to)) = (at(name), at(home))
                    && to <= from
                {
                    let (from, to) = (name.first().unwrap(), home.first().unwrap());
                    wrong.push(format!(
                        "{} imports {}: `{from}` stands below or beside `{to}` in {}",
                        read.shown(name),
                        read.shown(home),
                        read.root.display()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn no_two_files_depend_on_each_other() {
    let mut circles = Vec::new();
    for read in crates() {
        let imports = read.imports();
        for name in read.modules.keys() {
            // Nothing reachable from a file may lead back to it.
            let (mut reached, mut open) = (BTreeMap::new(), vec![name.clone()]);
            while let Some(next) = open.pop() {
                for home in imports.get(&next).into_iter().flatten() {
                    if !reached.contains_key(home) {
                        reached.insert(home.clone(), next.clone());
                        open.push(home.clone());
                    }
                }
            }
            if let Some(mut back) = reached.get(name).cloned() {
                let mut way = vec![read.shown(name)];
                while &back != name {
                    way.push(read.shown(&back));
                    back = reached[&back].clone();
                }
                way.reverse();
                circles.push(way.join(" → "));
            }
        }
    }
    assert!(circles.is_empty(), "\n{}", circles.join("\n"));
}

/// Every file of a folder, by relative path, without the tests at its end and without comment lines.
fn code(folder: &Path) -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    let mut files = Vec::new();
    walk(folder, &mut files);
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        (path.strip_prefix(folder).unwrap().display().to_string(), lines.join("\n"))
    };
    files.into_iter().map(read).collect()
}

/// Whether the code contains the word as a whole, not as the end of another one.
fn names(code: &str, word: &str) -> bool {
    let goes_on = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    code.match_indices(word).any(|(at, _)| !code[..at].ends_with(goes_on))
}

#[test]
fn each_word_is_confined_to_its_place() {
    let mut wrong = Vec::new();
    for (name, rules) in PLACES {
        let files = code(&repository().join(name).join("src"));
        for (word, places, why) in rules {
            let found: Vec<_> = files.iter().filter(|(_, code)| names(code, word)).collect();
            assert!(!found.is_empty(), "{word} does not occur in {name}: is the rule out of date?");
            for (path, _) in found {
                if !places.iter().any(|place| path.starts_with(place)) {
                    wrong.push(format!("{name}: {path} names {word}: {why}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn pure_folders_do_no_io() {
    for folder in PURE {
        let files = code(&repository().join("client-core/src").join(folder));
        assert!(!files.is_empty(), "{folder}");
        for (path, code) in files {
            for word in IMPURE {
                assert!(!code.contains(word), "{folder}/{path}: {word}");
            }
        }
    }
}

/// Tests the reader itself: groups, `super`, re-exported names, excluded tests.
#[test]
fn imports_are_read_as_the_compiler_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("lib.rs", "mod a;\nmod b;\n#[cfg(test)]\nmod absent;\n");
    write("a/mod.rs", "mod deep;\nmod other;\npub use deep::{self, Thing as Renamed};\nuse std::fmt;\n");
    write("a/deep.rs", "pub struct Thing;\nfn f() -> super::other::Way { crate::b::go() }\n");
    write("a/other.rs", "pub struct Way;\n#[cfg(test)]\nmod tests { use crate::b; }\n");
    write("b.rs", "use crate::{a::{other::{Way, Way as W}, Renamed}};\npub fn go() {}\n");
    let read = Crate::read(&folder.path().join("lib.rs"));
    let shown = |name: &Name| name.join("::");
    let imports: BTreeMap<String, Vec<String>> =
        read.imports().into_iter().map(|(name, to)| (shown(name), to.iter().map(shown).collect())).collect();
    assert_eq!(imports["a"], ["a::deep"]);
    assert_eq!(imports["a::deep"], ["a::other", "b"]);
    assert_eq!(imports["a::other"], [""; 0]);
    assert_eq!(imports["b"], ["a::deep", "a::other"]);
}
