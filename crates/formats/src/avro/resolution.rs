//! Whether values of one schema can be read as those of another, and by which names their fields are found.
//!
//! Answers for what the library leaves open when it resolves a value: aliases of fields, and numbers that it would cut off. Not for
//! the resolution itself, which is the library's.
//! Holds: what is refused here is refused by Avro's rules too; a union is judged branch by branch.

use std::collections::{HashMap, HashSet};

use apache_avro::Schema;
use apache_avro::schema::{Name, Namespace, RecordField, UnionSchema};

/// Gives fields of the written schema the names that the wanted one has for them.
pub(super) fn renamed(mut written: Schema, wanted: &Schema) -> Schema {
    rename(&mut written, wanted);
    written
}

fn rename(written: &mut Schema, wanted: &Schema) {
    match (written, wanted) {
        (Schema::Record(written), Schema::Record(wanted)) => {
            let taken: HashSet<String> = written.fields.iter().map(|field| field.name.clone()).collect();
            for field in &mut written.fields {
                let known = |name: &str| wanted.fields.iter().find(|one| one.name == name);
                let by_alias = || {
                    let has = |one: &&RecordField| {
                        one.aliases.as_ref().is_some_and(|all| all.contains(&field.name))
                            && !taken.contains(&one.name)
                    };
                    wanted.fields.iter().find(has)
                };
                let Some(same) = known(&field.name).or_else(by_alias) else { continue };
                field.name.clone_from(&same.name);
                rename(&mut field.schema, &same.schema);
            }
            let places = written.fields.iter().enumerate();
            written.lookup = places.map(|(at, field)| (field.name.clone(), at)).collect();
        }
        (Schema::Array(written), Schema::Array(wanted)) => rename(&mut written.items, &wanted.items),
        (Schema::Map(written), Schema::Map(wanted)) => rename(&mut written.types, &wanted.types),
        _ => {}
    }
}

/// The schema with exact numbers as the bytes that they are in: the library refuses to resolve one that needs fewer of them than
/// its precision allows.
pub(super) fn without_decimals(mut schema: Schema) -> Schema {
    strip(&mut schema);
    schema
}

fn strip(schema: &mut Schema) {
    match schema {
        Schema::Decimal(decimal) => *schema = (*decimal.inner).clone(),
        Schema::Record(record) => record.fields.iter_mut().for_each(|field| strip(&mut field.schema)),
        Schema::Array(array) => strip(&mut array.items),
        Schema::Map(map) => strip(&mut map.types),
        Schema::Union(union) => {
            let mut variants = union.variants().to_vec();
            variants.iter_mut().for_each(strip);
            // Where bytes are a branch beside them, they stay what they are.
            if let Ok(stripped) = UnionSchema::new(variants) {
                *union = stripped;
            }
        }
        _ => {}
    }
}

/// A schema with the types that it names.
pub(super) struct Named<'a> {
    pub(super) schema: &'a Schema,
    pub(super) names: &'a HashMap<Name, Schema>,
}

/// Refuses what can be read as the wanted schema in no case.
pub(super) fn check(written: &Named<'_>, wanted: &Named<'_>) -> Result<(), String> {
    Check { written: written.names, wanted: wanted.names, begun: HashSet::new() }
        .pair((written.schema, &None), (wanted.schema, &None))
}

struct Check<'a> {
    written: &'a HashMap<Name, Schema>,
    wanted: &'a HashMap<Name, Schema>,
    /// Named types that are being compared.
    begun: HashSet<(Name, Name)>,
}

impl Check<'_> {
    fn pair(
        &mut self,
        (written, space): (&Schema, &Namespace),
        (wanted, wanted_space): (&Schema, &Namespace),
    ) -> Result<(), String> {
        let (from, to) = (self.written, self.wanted);
        if let Schema::Ref { name } = written {
            let name = name.fully_qualified_name(space);
            let named = from.get(&name).ok_or_else(|| format!("type {name} is not in its schema"))?;
            return self.pair((named, &name.namespace), (wanted, wanted_space));
        }
        if let Schema::Ref { name } = wanted {
            let name = name.fully_qualified_name(wanted_space);
            let named = to.get(&name).ok_or_else(|| format!("type {name} is not in its schema"))?;
            return self.pair((written, space), (named, &name.namespace));
        }
        let fits = match (written, wanted) {
            (Schema::Union(union), _) => {
                return union.variants().iter().try_for_each(|one| match one {
                    // Whether it is null is seen value by value.
                    Schema::Null => Ok(()),
                    one => self.pair((one, space), (wanted, wanted_space)),
                });
            }
            (_, Schema::Union(union)) => {
                let fits = |one: &Schema| self.pair((written, space), (one, wanted_space)).is_ok();
                union.variants().iter().any(fits)
            }
            (Schema::Record(written), Schema::Record(wanted)) => {
                let space = written.name.fully_qualified_name(space);
                let wanted_space = wanted.name.fully_qualified_name(wanted_space);
                if !self.begun.insert((space.clone(), wanted_space.clone())) {
                    return Ok(());
                }
                for field in &wanted.fields {
                    let found = written.fields.iter().find(|one| one.name == field.name);
                    match found {
                        Some(found) => self
                            .pair((&found.schema, &space.namespace), (&field.schema, &wanted_space.namespace))
                            .map_err(|why| format!("field `{}`: {why}", field.name))?,
                        None if field.default.is_some() => {}
                        None => {
                            return Err(format!("field `{}` is not written, and has no default", field.name));
                        }
                    }
                }
                return Ok(());
            }
            (Schema::Array(written), Schema::Array(wanted)) => {
                return self.pair((&written.items, space), (&wanted.items, wanted_space));
            }
            (Schema::Map(written), Schema::Map(wanted)) => {
                return self.pair((&written.types, space), (&wanted.types, wanted_space));
            }
            (Schema::Fixed(written), Schema::Fixed(wanted)) => written.size == wanted.size,
            (Schema::Int, Schema::Long | Schema::Float | Schema::Double)
            | (Schema::Long, Schema::Float | Schema::Double)
            | (Schema::Float, Schema::Double)
            | (Schema::String, Schema::Bytes)
            | (Schema::Bytes, Schema::String) => true,
            (written, wanted) if is_simple(written) && is_simple(wanted) => base(written) == base(wanted),
            (written, wanted) => std::mem::discriminant(written) == std::mem::discriminant(wanted),
        };
        if fits {
            Ok(())
        } else {
            Err(format!("{} is written, {} is asked for", shown(written), shown(wanted)))
        }
    }
}

fn is_simple(schema: &Schema) -> bool {
    base(schema) != Base::Other
}

/// What stands in the bytes of types that have a meaning beside it.
#[derive(PartialEq, Eq)]
enum Base {
    Int,
    Long,
    Other,
}

fn base(schema: &Schema) -> Base {
    match schema {
        Schema::Int | Schema::Date | Schema::TimeMillis => Base::Int,
        Schema::Long
        | Schema::TimeMicros
        | Schema::TimestampMillis
        | Schema::TimestampMicros
        | Schema::TimestampNanos
        | Schema::LocalTimestampMillis
        | Schema::LocalTimestampMicros
        | Schema::LocalTimestampNanos => Base::Long,
        _ => Base::Other,
    }
}

fn shown(schema: &Schema) -> String {
    match schema {
        Schema::Record(record) => format!("record {}", record.name.name),
        schema => schema.canonical_form().trim_matches('"').to_owned(),
    }
}
