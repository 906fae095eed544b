//! New names, given in the scratch cluster before the dump: PostgreSQL itself then changes everything that refers to the old ones.

use super::names::{literal, qualified, quoted};
use super::relations::Relation;
use super::settings::{Settings, Wanted};
use crate::error::{Error, Result};
use crate::scratch::Client;

/// Renames and moves what is wanted, and detaches partitions from tables that are not restored.
///
/// # Errors
/// What the server says.
pub(super) fn apply(
    client: &Client<'_>,
    settings: &Settings,
    major: u32,
    relations: &mut [Relation],
) -> Result<()> {
    let mut statements: Vec<String> = relations
        .iter()
        .filter_map(|one| {
            let parent = one.leaves.as_ref()?;
            Some(format!(
                "alter table {parent} detach partition {}",
                one.quoted()
            ))
        })
        .collect();
    if let Some(schema) = &settings.to_schema {
        statements.extend(match &settings.wanted {
            Wanted::Schemas(old) => rename_schema(client, settings, &old[0], schema)?,
            _ => move_tables(client, settings, relations, schema)?,
        });
    }
    if let (Some(name), Wanted::Tables(tables)) = (&settings.to_table, &settings.wanted) {
        let old = &tables[0].1;
        // Partitions have names of their own.
        if let Some(table) = relations.iter_mut().find(|one| one.name == *old) {
            statements.extend(rename_table(client, settings, table, name)?);
            name.clone_into(&mut table.name);
        }
    }
    if statements.is_empty() {
        return Ok(());
    }
    client.disable_event_triggers(major, &settings.database)?;
    client
        .ask(&settings.database, &statements.join("; "))
        .map_err(|error| {
            Error::new(
                error.code,
                format!("unable to rename in the scratch cluster: {}", error.message),
            )
        })?;
    Ok(())
}

fn exists(client: &Client<'_>, settings: &Settings, schema: &str) -> Result<bool> {
    let statement = format!(
        "select count(*) from pg_catalog.pg_namespace where nspname = {}",
        literal(schema)
    );
    Ok(client.ask(&settings.database, &statement)?.trim() != "0")
}

/// A schema of the scratch cluster that has the new name already is moved out of the way.
fn free(client: &Client<'_>, settings: &Settings, schema: &str) -> Result<Vec<String>> {
    Ok(match exists(client, settings, schema)? {
        true => vec![format!(
            "alter schema {} rename to {}",
            quoted(schema),
            quoted("old one of that name")
        )],
        false => Vec::new(),
    })
}

fn rename_schema(
    client: &Client<'_>,
    settings: &Settings,
    old: &str,
    new: &str,
) -> Result<Vec<String>> {
    if old == new {
        return Ok(Vec::new());
    }
    let mut statements = free(client, settings, new)?;
    statements.push(format!(
        "alter schema {} rename to {}",
        quoted(old),
        quoted(new)
    ));
    // What extensions have made is not dumped, and is not in the new schema where the dump goes.
    let extensions = client.rows(
        &settings.database,
        &format!(
            "select pg_catalog.quote_ident(e.extname) from pg_catalog.pg_extension e \
             join pg_catalog.pg_namespace n on n.oid = e.extnamespace where n.nspname = {} and e.extrelocatable",
            literal(old)
        ),
    )?;
    if !extensions.is_empty() {
        statements.push(format!("create schema {}", quoted(old)));
    }
    for extension in extensions {
        statements.push(format!(
            "alter extension {extension} set schema {}",
            quoted(old)
        ));
    }
    Ok(statements)
}

fn move_tables(
    client: &Client<'_>,
    settings: &Settings,
    relations: &mut [Relation],
    new: &str,
) -> Result<Vec<String>> {
    let mut statements = Vec::new();
    // Tables that are in it stay there.
    if !relations.iter().any(|one| one.schema == new) {
        statements = free(client, settings, new)?;
        statements.push(format!("create schema {}", quoted(new)));
    }
    for one in relations.iter_mut().filter(|one| one.schema != new) {
        statements.push(format!(
            "alter table {} set schema {}",
            one.quoted(),
            quoted(new)
        ));
        new.clone_into(&mut one.schema);
    }
    Ok(statements)
}

/// Renames a table and what shares its schema: indexes, sequences that belong to it, statistics. Of the statements before this one
/// none has been run, so it is looked up under its first schema.
fn rename_table(
    client: &Client<'_>,
    settings: &Settings,
    table: &Relation,
    new: &str,
) -> Result<Vec<String>> {
    let Wanted::Tables(wanted) = &settings.wanted else {
        return Ok(Vec::new());
    };
    let (schema, old) = &wanted[0];
    let oid = format!("{}::pg_catalog.regclass", literal(&qualified(schema, old)));
    let mut statements = vec![format!(
        "alter table {} rename to {}",
        table.quoted(),
        quoted(new)
    )];
    for (kind, query) in [
        (
            "index",
            format!(
                "select c.relname from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid where i.indrelid = {oid}"
            ),
        ),
        (
            "sequence",
            format!(
                "select c.relname from pg_catalog.pg_depend d join pg_catalog.pg_class c on c.oid = d.objid \
                 where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refclassid = d.classid \
                 and d.refobjid = {oid} and d.deptype in ('a', 'i') and c.relkind = 'S'"
            ),
        ),
        (
            "statistics",
            format!("select stxname from pg_catalog.pg_statistic_ext where stxrelid = {oid}"),
        ),
    ] {
        for found in client.rows(&settings.database, &query)? {
            statements.push(format!(
                "alter {kind} {} rename to {}",
                qualified(&table.schema, &found),
                quoted(&beside(&found, old, new))
            ));
        }
    }
    Ok(statements)
}

/// `orders_old_pkey` for `orders_pkey`, with at most as many bytes as a name may have.
fn beside(name: &str, old: &str, new: &str) -> String {
    let text = match name.strip_prefix(old) {
        Some(rest) => format!("{new}{rest}"),
        None => format!("{new}_{name}"),
    };
    let mut end = text.len().min(63);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::beside;

    #[test]
    fn what_belongs_to_a_table_is_named_after_it() {
        assert_eq!(beside("orders_pkey", "orders", "old"), "old_pkey");
        assert_eq!(beside("by_day", "orders", "old"), "old_by_day");
        let long = beside(&"ä".repeat(31), "orders", "old");
        assert!(long.len() <= 63 && long.starts_with("old_ä"));
    }
}
