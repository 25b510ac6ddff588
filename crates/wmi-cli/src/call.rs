//! `wmi call`: a method of a class or an instance.

use std::io::{self, Write};
use std::sync::Arc;

use wmi_proto::cim::{CimClass, CimObject};
use wmi_proto::{ExecMethod, GetObject, MethodSignature};

use crate::args::CallArguments;
use crate::connection::{Connection, Trouble, patience};
use crate::messages::{Messages, Part};
use crate::output::single;
use crate::status::{Status, counted};
use crate::target::Target;
use crate::values::{self, Refusal};

pub(crate) fn run(arguments: &CallArguments) -> Status {
    let connect = &arguments.connect;
    let messages = Messages::about(&connect.host, arguments.output.is_json());
    let target = match Target::parse(&arguments.path, &connect.host, &arguments.namespace) {
        Ok(target) => target,
        Err(usage) => return messages.usage(usage),
    };
    let mut connection = match Connection::start(connect, &messages) {
        Ok(connection) => connection,
        Err(status) => return status,
    };
    let outcome = call(arguments, &target, &mut connection);
    connection.progress.finish();
    let status = match outcome {
        Ok(output) => print(output.as_ref(), arguments, &messages),
        Err(Failure::Trouble(trouble)) => messages.trouble_of_call(&trouble, None),
        Err(Failure::Called(trouble)) => {
            let unknown = "whether the host carried the method out is not known, and it may still do so";
            messages.trouble_of_call(&trouble, Some(unknown))
        }
        Err(Failure::Wrong { what, taken }) => {
            let remedy = taken.map(|taken| format!("{} takes {taken}", arguments.method));
            let (namespace, class) = (Some(target.namespace), Some(target.class));
            messages.problem("parameters", what, &Part { namespace, class, remedy, ..Part::default() });
            Status::Usage
        }
    };
    connection.close(patience(status));
    status
}

/// Why a method was not called, or failed.
enum Failure {
    Trouble(Trouble),
    /// Of the method itself, which had been sent.
    Called(Trouble),
    /// The command line does not fit the method; nothing of the method was sent.
    Wrong {
        what: String,
        /// What the method takes.
        taken: Option<String>,
    },
}

fn call(arguments: &CallArguments, target: &Target, connection: &mut Connection) -> Result<Option<CimObject>, Failure> {
    let mut fetch = |name: &str| class(name, &target.namespace, connection);
    let class = fetch(&target.class).map_err(Failure::Trouble)?;
    let signature = MethodSignature::of(&class, &arguments.method)
        .map_err(|error| Failure::Wrong { what: error.to_string(), taken: None })?;
    if !signature.is_static() && !target.path.is_instance() {
        let what = format!(
            "method {} is called on an instance, and {} is a class: give the path of an instance",
            signature.name(),
            target.path
        );
        return Err(Failure::Wrong { what, taken: None });
    }
    let parameters = values::parameters(&signature, &arguments.parameters, &mut fetch);
    let parameters = parameters.map_err(|refusal| match refusal {
        Refusal::Trouble(trouble) => Failure::Trouble(trouble),
        Refusal::Wrong(what) => Failure::Wrong { what, taken: Some(values::taken(&signature)) },
    })?;
    let mut method = ExecMethod::new(target.path.to_string(), signature.name()).namespace(&target.namespace);
    method.parameters = parameters;
    connection.exec_method(method).map_err(Failure::Called)
}

/// The definition of a class.
fn class(name: &str, namespace: &str, connection: &mut Connection) -> Result<Arc<CimClass>, Trouble> {
    let object = connection.get_object(GetObject::new(name).namespace(namespace))?;
    Ok(Arc::clone(object.class()))
}

fn print(output: Option<&CimObject>, arguments: &CallArguments, messages: &Messages) -> Status {
    let mut undecodable = 0;
    let mut out = io::stdout().lock();
    let printed = single::print(output, arguments.output, false, &mut undecodable, &mut out).and_then(|()| out.flush());
    if undecodable > 0 {
        let cells = counted(undecodable, "value");
        messages.notice(format_args!("{cells} could not be decoded, shown as __error"));
    }
    printed.map_or_else(|error| messages.unprinted(&error), |()| Status::Done)
}
