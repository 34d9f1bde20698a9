//! The service's OpenAPI document: its routes, their responses, and the fields that a change touched.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// The checked-in document; a test of the service keeps it in sync with the handlers.
pub struct Schema(Value);

impl Schema {
    /// Reads the document.
    ///
    /// # Errors
    /// It is not JSON.
    pub fn read() -> serde_json::Result<Self> {
        serde_json::from_str(include_str!("../../../metadata-api/openapi.json")).map(Self)
    }

    /// Every operation: method in capitals, path, and the schema name of its successful response, if any.
    #[must_use]
    pub fn operations(&self) -> Vec<(String, String, Option<String>)> {
        let mut all = Vec::new();
        for (path, item) in object(self.0.get("paths")) {
            for (method, operation) in object(Some(item)) {
                if method == "parameters" {
                    continue;
                }
                let success = object(operation.get("responses"))
                    .filter(|(status, _)| status.starts_with('2'))
                    .find_map(|(_, response)| response.pointer("/content/application~1json/schema/$ref"))
                    .and_then(|name| Some(name.as_str()?.rsplit('/').next()?.to_owned()));
                all.push((method.to_uppercase(), path.clone(), success));
            }
        }
        all
    }

    /// Every field of a response with this schema, as `Type.field`.
    #[must_use]
    pub fn fields(&self, name: &str) -> BTreeSet<String> {
        let mut fields = BTreeSet::new();
        self.collect(name, self.component(name), &mut fields);
        fields
    }

    /// A made-up response with this schema: lists have two different items, and optional fields are present.
    #[must_use]
    pub fn sample(&self, name: &str) -> Value {
        self.make(self.component(name), &mut 0)
    }

    /// The fields in which two responses with this schema differ. Lists of different lengths are one difference.
    #[must_use]
    pub fn differences(&self, name: &str, before: &Value, after: &Value) -> BTreeSet<String> {
        let mut fields = BTreeSet::new();
        self.compare(name, self.component(name), before, after, &mut fields);
        fields
    }

    fn component(&self, name: &str) -> &Value {
        self.0.pointer(&format!("/components/schemas/{name}")).unwrap_or(&Value::Null)
    }

    /// Follows a reference; among alternatives, takes the largest.
    fn resolve<'a>(&'a self, name: &str, schema: &'a Value) -> (String, &'a Value) {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let name = reference.rsplit('/').next().unwrap_or_default().to_owned();
            return self.resolve(&name, self.component(&name));
        }
        let alternatives = ["oneOf", "allOf"].iter().find_map(|key| schema.get(key)?.as_array());
        match alternatives.and_then(|all| all.iter().max_by_key(|one| one.to_string().len())) {
            Some(one) => self.resolve(name, one),
            None => (name.to_owned(), schema),
        }
    }

    fn collect(&self, name: &str, schema: &Value, fields: &mut BTreeSet<String>) {
        let (name, schema) = self.resolve(name, schema);
        for (field, inner) in object(schema.get("properties")) {
            if fields.insert(format!("{name}.{field}")) {
                self.collect(&format!("{name}.{field}"), inner, fields);
            }
        }
        if let Some(items) = schema.get("items") {
            self.collect(&name, items, fields);
        }
    }

    fn make(&self, schema: &Value, number: &mut u64) -> Value {
        let (_, schema) = self.resolve("", schema);
        *number += 1;
        let n = *number;
        if let Some(first) = schema.pointer("/enum/0") {
            return first.clone();
        }
        let kind = match schema.get("type") {
            Some(Value::Array(kinds)) => kinds.iter().find_map(|k| k.as_str().filter(|k| *k != "null")),
            kind => kind.and_then(Value::as_str),
        };
        match kind {
            Some("object") if schema.get("properties").is_some() => {
                let fields = object(schema.get("properties"));
                let made = fields.map(|(name, inner)| {
                    let value = self.make(inner, number);
                    let is_url = name == "url";
                    (
                        name.clone(),
                        if is_url { json!(format!("https://store.example/v1/{n}")) } else { value },
                    )
                });
                Value::Object(made.collect())
            }
            Some("object") => json!({"content-length": "1"}),
            Some("array") => {
                let items = schema.get("items").unwrap_or(&Value::Null);
                json!([self.make(items, number), self.make(items, number)])
            }
            Some("boolean") => Value::Bool(true),
            Some("integer" | "number") => json!(n),
            _ if schema.get("format").and_then(Value::as_str) == Some("uuid") => {
                json!(format!("00000000-0000-4000-8000-{n:012}"))
            }
            _ if schema.get("pattern").is_some() => json!(format!("{n:064}")),
            // Eight digits are valid base64url too.
            _ => json!(format!("{n:08}")),
        }
    }

    fn compare(
        &self,
        name: &str,
        schema: &Value,
        before: &Value,
        after: &Value,
        fields: &mut BTreeSet<String>,
    ) {
        let (name, schema) = self.resolve(name, schema);
        for (field, inner) in object(schema.get("properties")) {
            let (before, after) = (before.get(field), after.get(field));
            if before != after {
                let name = format!("{name}.{field}");
                let null = Value::Null;
                self.compare(&name, inner, before.unwrap_or(&null), after.unwrap_or(&null), fields);
                fields.insert(name);
            }
        }
        if let (Some(items), Some(before), Some(after)) =
            (schema.get("items"), before.as_array(), after.as_array())
            && before.len() == after.len()
        {
            for (before, after) in before.iter().zip(after) {
                self.compare(&name, items, before, after, fields);
            }
        }
    }
}

fn object(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flat_map(Map::iter)
}
