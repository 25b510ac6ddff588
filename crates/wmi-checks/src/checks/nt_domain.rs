//! The check `ntDomain`: the domains that the host knows, and its own place in them.

use super::shares;
use crate::plan::{Gathered, Part, Plan, Select};
use crate::record::Record;
use crate::values::domain_role;
use crate::{About, Item, Options, Report, Shape, State, Unit, Value};

const DOMAIN: &str = "domain";
const MEMBERSHIP: &str = "membership";

pub(crate) static PLAN: Plan = Plan {
    key: "ntDomain",
    about: About {
        summary: "the domains that the host knows, its membership and its role",
        rights: "",
        returns: &[
            ("domain", "one item per known domain, with its forest and the controller in use"),
            ("membership", "the host's domain or workgroup, and its role"),
        ],
        unchanged_eol: 14_400,
    },
    parts: |options| match options.shape {
        Shape::Native => &[NATIVE_DOMAINS, MEMBERSHIPS],
        Shape::Infrasonar => &[DOMAINS, shares::SHARES],
    },
    evaluate,
};

const KNOWN: &str = "DomainName IS NOT NULL";

const DOMAINS: Part = Part::new(
    DOMAIN,
    &[Select {
        class: "Win32_NTDomain",
        columns: &["DomainName", "DnsForestName", "DomainControllerName"],
        condition: KNOWN,
    }],
);

const NATIVE_DOMAINS: Part = Part::new(
    DOMAIN,
    &[Select {
        class: "Win32_NTDomain",
        columns: &[
            "DomainName",
            "DnsForestName",
            "DomainControllerName",
            "DomainControllerAddress",
            "DcSiteName",
            "ClientSiteName",
        ],
        condition: KNOWN,
    }],
);

const MEMBERSHIPS: Part = Part::new(
    MEMBERSHIP,
    &[
        Select::all("Win32_ComputerSystem", &["Name", "Domain", "DomainRole", "PartOfDomain", "Workgroup"]),
        // Server 2003 has no Workgroup.
        Select::all("Win32_ComputerSystem", &["Name", "Domain", "DomainRole", "PartOfDomain"]),
    ],
)
.always();

fn evaluate(gathered: &mut Gathered, options: &Options, _: &mut State, report: &mut Report) {
    if let Some(rows) = gathered.rows(DOMAIN) {
        let item = match options.shape {
            Shape::Native => native,
            Shape::Infrasonar => infrasonar,
        };
        report.put(DOMAIN, DOMAIN, rows.iter().map(item).collect());
    }
    match options.shape {
        Shape::Native => membership(gathered, report),
        Shape::Infrasonar => shares::put(gathered, options.shape, report),
    }
}

fn name(row: &Record) -> String {
    row.text("DomainName").unwrap_or_default().into_owned()
}

/// The controller's name without the backslashes in front of it; `None` when no controller is known.
fn bare(row: &Record, column: &str) -> Option<String> {
    row.text(column).map(|name| name.trim_matches('\\').to_owned())
}

fn native(row: &Record) -> Item {
    Item::new(name(row))
        .with("DnsForestName", Unit::None, row.value("DnsForestName"))
        .with("DomainControllerName", Unit::None, bare(row, "DomainControllerName"))
        .with("DomainControllerAddress", Unit::None, bare(row, "DomainControllerAddress"))
        .with("DcSiteName", Unit::None, row.value("DcSiteName"))
        .with("ClientSiteName", Unit::None, row.value("ClientSiteName"))
}

fn infrasonar(row: &Record) -> Item {
    Item::new(name(row)).with("DnsForestName", Unit::None, row.plain("DnsForestName")).with(
        "DomainControllerName",
        Unit::None,
        bare(row, "DomainControllerName").unwrap_or_default(),
    )
}

fn membership(gathered: &Gathered, report: &mut Report) {
    let Some(row) = gathered.rows(MEMBERSHIP).and_then(<[Record]>::first) else { return };
    let member = row.boolean("PartOfDomain");
    // Domain is the workgroup of a host that is in no domain.
    let (domain, workgroup) = match member {
        Some(false) => match row.value("Workgroup") {
            Value::Null => (Value::Null, row.value("Domain")),
            workgroup => (Value::Null, workgroup),
        },
        _ => (row.value("Domain"), row.value("Workgroup")),
    };
    let item = Item::new(MEMBERSHIP)
        .with("ComputerName", Unit::None, row.value("Name"))
        .with("PartOfDomain", Unit::None, member)
        .with("Domain", Unit::None, domain)
        .with("Workgroup", Unit::None, workgroup)
        .with("DomainRole", Unit::None, row.unsigned("DomainRole").and_then(domain_role));
    report.put(MEMBERSHIP, MEMBERSHIP, vec![item]);
}

#[cfg(test)]
mod tests;
