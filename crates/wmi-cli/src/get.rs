//! `wmi get`: one object by its path.

use std::io::{self, Write};

use wmi_proto::GetObject;
use wmi_proto::cim::{CimObject, Genus};

use crate::args::{ClassArguments, GetArguments, RowFormat, TreeFormat};
use crate::connection::{Connection, patience};
use crate::messages::Messages;
use crate::output::{object, single};
use crate::status::{Status, counted};
use crate::target::Target;

pub(crate) fn run(arguments: &GetArguments) -> Status {
    let connect = &arguments.connect;
    let messages = Messages::about(&connect.host, arguments.output.is_json());
    let target = match Target::parse(&arguments.path, &connect.host, &arguments.namespace) {
        Ok(target) => target,
        Err(usage) => return messages.usage(usage),
    };
    if arguments.output == RowFormat::Csv && (arguments.amended || !target.path.is_instance()) {
        return messages.usage("csv has values only: for classes and qualifiers take -o table or json");
    }
    let object = GetObject::new(target.path.to_string()).namespace(target.namespace).amended(arguments.amended);
    let connection = match Connection::start(connect, &messages) {
        Ok(connection) => connection,
        Err(status) => return status,
    };
    let (amended, format) = (arguments.amended, arguments.output);
    fetch(connection, object, &messages, |object, undecodable, out| match (format, object.genus()) {
        (RowFormat::Json | RowFormat::Jsonl, genus) if amended || genus == Genus::Class => {
            writeln!(out, "{}", object::describe(object, undecodable))
        }
        (RowFormat::Table, genus) if amended || genus == Genus::Class => object::table(object, undecodable, out),
        (format, _) => single::print(Some(object), format, true, undecodable, out),
    })
}

/// `wmi class`: one class.
pub(crate) fn run_class(arguments: &ClassArguments) -> Status {
    let connect = &arguments.connect;
    let messages = Messages::about(&connect.host, arguments.output == TreeFormat::Json);
    let target = match Target::parse(&arguments.class, &connect.host, &arguments.namespace) {
        Ok(target) if target.path.is_instance() => {
            return messages.usage(format_args!("{}: names an instance: take wmi get", arguments.class));
        }
        Ok(target) => target,
        Err(usage) => return messages.usage(usage),
    };
    let class = GetObject::new(target.path.to_string()).namespace(target.namespace).amended(arguments.amended);
    let connection = match Connection::start(connect, &messages) {
        Ok(connection) => connection,
        Err(status) => return status,
    };
    let format = arguments.output;
    fetch(connection, class, &messages, |object, undecodable, out| match format {
        TreeFormat::Json => writeln!(out, "{}", object::describe(object, undecodable)),
        TreeFormat::Table => object::table(object, undecodable, out),
    })
}

/// Fetches an object and prints it with `print`, which counts what does not decode.
fn fetch(
    mut connection: Connection,
    object: GetObject,
    messages: &Messages,
    print: impl FnOnce(&CimObject, &mut u64, &mut dyn Write) -> io::Result<()>,
) -> Status {
    let outcome = connection.get_object(object);
    let status = match outcome {
        Ok(object) => {
            let mut undecodable = 0;
            let mut out = io::stdout().lock();
            connection.progress.finish();
            let printed = print(&object, &mut undecodable, &mut out).and_then(|()| out.flush());
            if undecodable > 0 {
                let cells = counted(undecodable, "value");
                messages.notice(format_args!("{cells} could not be decoded, shown as __error"));
            }
            printed.map_or_else(|error| messages.unprinted(&error), |()| Status::Done)
        }
        Err(trouble) => messages.trouble_of_call(&trouble, None),
    };
    connection.close(patience(status));
    status
}
