//! `wmi classes`: the classes of a namespace.

use std::io;

use serde_json::Value;
use wmi_proto::Query;
use wmi_proto::cim::{CimObject, CimValue};
use wmi_proto::path;

use crate::args::ClassesArguments;
use crate::connection::{Connection, Trouble, patience};
use crate::messages::Messages;
use crate::output::list;
use crate::status::{Status, counted};

pub(crate) fn run(arguments: &ClassesArguments) -> Status {
    let connect = &arguments.connect;
    let messages = Messages::about(&connect.host, arguments.output.is_json());
    let mut connection = match Connection::start(connect, &messages) {
        Ok(connection) => connection,
        Err(status) => return status,
    };
    let wql = path::classes(arguments.pattern.as_deref());
    let (mut rows, mut undecodable) = (Vec::new(), 0);
    let outcome = connection.query(Query::new(wql).namespace(&arguments.namespace), &mut |batch| {
        for row in batch {
            match row {
                Ok(object) => rows.push(class(&object)),
                Err(_) => undecodable += 1,
            }
        }
        Ok(())
    });
    connection.progress.finish();
    rows.sort_by_cached_key(|row| row.first().and_then(Value::as_str).unwrap_or_default().to_lowercase());
    let names = ["class", "superclass", "keys", "flags"];
    let printed = list::print(&names, &rows, arguments.output, &mut io::stdout().lock());
    if undecodable > 0 {
        messages.notice(format_args!("{} could not be decoded and left out", counted(undecodable, "class definition")));
    }
    let status = match &outcome {
        Ok(_) if undecodable > 0 => Status::Failed,
        Ok(_) => Status::Done,
        Err(Trouble::Failed(_) | Trouble::Signal(_)) if printed.is_err() => Status::Done,
        Err(trouble) => messages.trouble(trouble, 1, rows.len() as u64),
    };
    connection.close(patience(status));
    printed.map_or_else(|error| status.worse(messages.unprinted(&error)), |()| status)
}

/// A class with its superclass, its keys, and the qualifiers that are TRUE of it, such as `abstract` and `dynamic`.
fn class(object: &CimObject) -> Vec<Value> {
    let class = object.class();
    let keys = class.properties().iter().filter(|property| property.is_key());
    let flags = class.qualifiers().iter().filter(|qualifier| qualifier.value() == Ok(CimValue::Boolean(true)));
    vec![
        Value::from(class.name().to_str()),
        class.superclass().map_or(Value::Null, |superclass| Value::from(superclass.to_str())),
        keys.map(|property| Value::from(property.name().to_str())).collect(),
        flags.map(|qualifier| Value::from(qualifier.name().to_str())).collect(),
    ]
}
