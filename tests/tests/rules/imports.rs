//! Reads which file of a crate depends on which: imports, paths, also inside macros, and methods that a file adds to
//! another file's type.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::{Item, UseTree, visit::Visit};

/// Segments of a path within a crate.
pub(crate) type Name = Vec<String>;

/// A module: its file, and what it uses.
#[derive(Default)]
pub(crate) struct Module {
    pub(crate) file: PathBuf,
    /// Complete paths used in it.
    named: BTreeSet<Name>,
    /// What it imports: the local name and the origin.
    imported: Vec<(String, Name)>,
    /// Its re-exports: the local name and the origin. `*` for everything.
    reexports: Vec<(String, Name)>,
    /// Inherent methods that it adds to types: the type as written, and their names.
    methods: Vec<(Name, BTreeSet<String>)>,
    /// Methods that it calls.
    calls: BTreeSet<String>,
    /// Functions that it names: the word before the last `::`, and the last.
    functions: BTreeSet<(String, String)>,
}

/// All modules of a crate by name.
pub(crate) struct Crate {
    root: PathBuf,
    pub(crate) modules: BTreeMap<Name, Module>,
}

/// Collects what a file uses, with paths resolved from the crate's root.
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
                self.module.reexports.push((as_name.clone(), path.clone()));
            }
            self.module.imported.push((as_name, path.clone()));
            self.module.named.insert(path);
        }
    }

    fn path(&mut self, words: &Name) {
        if let [.., of, name] = words.as_slice() {
            self.module.functions.insert((of.clone(), name.clone()));
            self.module.named.extend(self.resolve(words));
        }
    }
}

/// A path's words.
fn words(path: &syn::Path) -> Name {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

/// The paths in a macro's tokens, which have a blank between any two, and the names after a dot.
fn in_tokens(tokens: &str) -> (Vec<Name>, Vec<String>) {
    let (mut paths, mut methods) = (Vec::new(), Vec::new());
    let (mut path, mut before) = (Name::new(), "");
    // Every other part is the text of a literal; an escaped quote does not end it.
    for code in tokens.replace("\\\"", "").split('"').step_by(2) {
        for token in code.split_whitespace() {
            let is_word = token.starts_with(|c: char| c.is_alphabetic() || c == '_');
            if is_word && before == "::" {
                path.push(token.to_owned());
            } else if token != "::" {
                paths.push(std::mem::take(&mut path));
                path.extend(is_word.then(|| token.to_owned()));
            }
            methods.extend((is_word && before == ".").then(|| token.to_owned()));
            before = token;
        }
    }
    paths.push(path);
    (paths, methods)
}

/// Whether this is compiled for tests alone: `cfg(test)`, also among other conditions.
pub(crate) fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else { return false };
        let conditions = list.tokens.to_string();
        let all = conditions.strip_prefix("all").unwrap_or(&conditions).trim_matches(['(', ')', ' ']);
        list.path.is_ident("cfg") && all.split(',').any(|condition| condition.trim() == "test")
    })
}

/// The file that `#[path]` names.
fn path_of(attributes: &[syn::Attribute]) -> Option<String> {
    let meta = attributes.iter().find(|attribute| attribute.path().is_ident("path"))?;
    let syn::Expr::Lit(literal) = &meta.meta.require_name_value().ok()?.value else { return None };
    if let syn::Lit::Str(path) = &literal.lit { Some(path.value()) } else { None }
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

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if item.trait_.is_none()
            && let syn::Type::Path(of) = &*item.self_ty
        {
            let names = item.items.iter().filter_map(|member| match member {
                // A private one cannot be called from another file.
                syn::ImplItem::Fn(method) if !matches!(method.vis, syn::Visibility::Inherited) => {
                    Some(method.sig.ident.to_string())
                }
                _ => None,
            });
            self.module.methods.push((words(&of.path), names.collect()));
        }
        syn::visit::visit_item_impl(self, item);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.module.calls.insert(call.method.to_string());
        syn::visit::visit_expr_method_call(self, call);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.path(&words(path));
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        let (paths, methods) = in_tokens(&item.tokens.to_string());
        paths.iter().for_each(|path| self.path(path));
        self.module.calls.extend(methods);
        syn::visit::visit_macro(self, item);
    }
}

impl Crate {
    pub(crate) fn read(root: &Path) -> Self {
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
        let beside = file.parent().unwrap().to_owned();
        let is_folder = name.is_empty() || file.ends_with("mod.rs");
        let folder = if is_folder { beside.clone() } else { file.with_extension("") };
        self.modules.insert(name.clone(), module);
        for child in children {
            let word = child.ident.to_string();
            let (flat, deep) = (folder.join(format!("{word}.rs")), folder.join(&word).join("mod.rs"));
            let name = [name.clone(), vec![word]].concat();
            let named = path_of(&child.attrs).map(|path| beside.join(path));
            self.add(named.unwrap_or(if flat.exists() { flat } else { deep }), name);
        }
    }

    /// The module that defines what a path names, and what it names there.
    fn definition(&self, path: &[String], depth: usize) -> Option<(Name, Option<String>)> {
        let at = (0..=path.len()).rev().find(|at| self.modules.contains_key(&path[..*at]))?;
        let (module, rest) = path.split_at(at);
        let Some(item) = rest.first().filter(|_| depth < 8) else { return Some((module.to_vec(), None)) };
        let reexports = &self.modules[module].reexports;
        let exact = reexports.iter().find(|(name, _)| name == item && item != "*");
        let through = exact.map(|(_, from)| [from.as_slice(), &rest[1..]].concat());
        match through {
            Some(path) => self.definition(&path, depth + 1),
            None => Some((module.to_vec(), Some(item.clone()))),
        }
    }

    /// The type that an `impl` in this module is of: where it is defined, and its name there.
    fn implemented(&self, module: &Module, written: &Name) -> Option<(Name, Option<String>)> {
        let [first, rest @ ..] = written.as_slice() else { return None };
        let (_, origin) = module.imported.iter().find(|(name, _)| name == first)?;
        self.definition(&[origin.as_slice(), rest].concat(), 0)
    }

    /// Everything that a file depends on, itself included.
    pub(crate) fn all_imports(&self) -> BTreeMap<&Name, BTreeSet<Name>> {
        // Methods that a file adds to another file's type: no import names that file.
        let mut added = Vec::new();
        for (name, module) in &self.modules {
            for (written, methods) in &module.methods {
                let of = self.implemented(module, written).filter(|(home, _)| home != name);
                added.extend(of.map(|of| (name, of, methods)));
            }
        }
        let mut all = BTreeMap::new();
        for (name, module) in &self.modules {
            let named: BTreeSet<_> =
                module.named.iter().filter_map(|path| self.definition(path, 0)).collect();
            let through = added.iter().filter(|(_, of, methods)| {
                let own = of.0 == *name;
                let is_of = |word: &str| word == "Self" && own || Some(word) == of.1.as_deref();
                let mut functions = module.functions.iter().filter(|(word, _)| is_of(word));
                (own || named.contains(of))
                    && (!module.calls.is_disjoint(methods)
                        || functions.any(|(_, name)| methods.contains(name)))
            });
            let through: BTreeSet<Name> = through.map(|(file, ..)| (*file).clone()).collect();
            let homes = named.into_iter().map(|(home, _)| home);
            all.insert(name, homes.chain(through).collect());
        }
        all
    }

    /// The same without a file's own `mod.rs`, or that of a folder around it: files of a folder may use what it defines.
    pub(crate) fn imports(&self) -> BTreeMap<&Name, BTreeSet<Name>> {
        let mut all = self.all_imports();
        for (name, homes) in &mut all {
            homes.retain(|home| !name.starts_with(home));
        }
        all
    }

    /// The layers at the top of the root: each line may use those below it, but not its own.
    pub(crate) fn layers(&self) -> Vec<Vec<String>> {
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
}

/// Tests the reader itself.
mod tests {
    use super::*;

    /// The imports of a crate of these files, by module.
    fn imports(files: &[(&str, &str)]) -> BTreeMap<String, Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let read = Crate::read(&folder.path().join("lib.rs"));
        let shown = |name: &Name| name.join("::");
        read.imports().into_iter().map(|(name, to)| (shown(name), to.iter().map(shown).collect())).collect()
    }

    #[test]
    fn imports_are_read_as_the_compiler_reads_them() {
        let imports = imports(&[
            ("lib.rs", "mod a;\nmod b;\n#[cfg(test)]\nmod absent;\n#[path = \"far/c.rs\"]\nmod c;\n"),
            ("a/mod.rs", "mod deep;\nmod other;\npub use deep::{self, Thing as Renamed};\nuse std::fmt;\n"),
            ("a/deep.rs", "pub struct Thing;\nfn f() -> super::other::Way { crate::b::go() }\n"),
            ("a/other.rs", "pub struct Way;\n#[cfg(test)]\nmod tests { use crate::b; }\n"),
            ("b.rs", "use crate::{a::{other::{Way, Way as W}, Renamed}};\npub fn go() {}\n"),
            ("far/c.rs", "use crate::b;\n"),
        ]);
        assert_eq!(imports["a"], ["a::deep"]);
        assert_eq!(imports["a::deep"], ["a::other", "b"]);
        assert_eq!(imports["a::other"], [""; 0]);
        assert_eq!(imports["b"], ["a::deep", "a::other"]);
        assert_eq!(imports["c"], ["b"]);
    }

    #[test]
    fn paths_inside_a_macro_are_read() {
        let imports = imports(&[
            ("lib.rs", "mod a;\nmod b;\n"),
            ("a.rs", "fn f() { vec![\"crate::c\", \"\\\"\", crate::b::go(1)]; }\n"),
            ("b.rs", "pub fn go(x: u8) {}\n"),
        ]);
        assert_eq!(imports["a"], ["b"]);
    }

    /// `low` calls a method that `high` adds to the type of `base`, and `high` uses `low`: a circle without an import.
    #[test]
    fn a_method_added_to_another_files_type_is_an_import_of_its_callers() {
        let imports = imports(&[
            ("lib.rs", "mod base;\nmod low;\nmod high;\nmod other;\n"),
            ("base.rs", "pub struct Api;\n"),
            ("low.rs", "use crate::base::Api;\npub fn renew(api: &Api) { api.send(); }\n"),
            (
                "high.rs",
                "use crate::{base::Api, low};\nimpl Api { pub fn send(&self) { low::renew(self) } }\n",
            ),
            ("other.rs", "use crate::base::Api;\nfn f(api: &Api) { api.other(); }\n"),
        ]);
        assert_eq!(imports["low"], ["base", "high"]);
        assert_eq!(imports["high"], ["base", "low"]);
        assert_eq!(imports["other"], ["base"]);
    }
}
