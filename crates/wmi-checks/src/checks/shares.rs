//! The check `shares`: what the host shares on its network.

use crate::plan::{Gathered, Part, Plan, Select};
use crate::record::Record;
use crate::values::ShareType;
use crate::{About, Failure, Item, Report, Shape, Unit};

/// The part's name, here and in the check `ntDomain`.
pub(super) const PART: &str = "share";

/// The part that reads the shares.
pub(super) const SHARES: Part = Part::new(
    PART,
    &[Select::all(
        "Win32_Share",
        &["AllowMaximum", "Caption", "Description", "MaximumAllowed", "Name", "Path", "Status", "Type"],
    )],
);

pub(crate) static PLAN: Plan = Plan {
    key: "shares",
    about: About {
        summary: "what the host shares on its network: directories, printers, devices and pipes",
        rights: "",
        returns: &[("share", "one item per share, with its path, kind and limit of users")],
        unchanged_eol: 14_400,
    },
    parts: |_| &[SHARES],
    evaluate: |gathered, options, _, report| put(gathered, options.shape, report),
};

/// Adds the type `share`, when its part brought anything.
pub(super) fn put(gathered: &Gathered, shape: Shape, report: &mut Report) {
    let Some(rows) = gathered.rows(PART) else { return };
    let unshared = gathered.whole(PART).is_some_and(<[Record]>::is_empty);
    if unshared {
        // Whoever shares anything, shares IPC$.
        let text = "the list may be short: the host shows no share to this account, not even IPC$, or its Server service \
                    does not run";
        report.warnings.push(Failure::of_values(PART, text));
    }
    let of_no_type = rows.iter().filter(|row| row.unsigned("Type").is_none()).count();
    if of_no_type > 0 {
        report.warnings.push(Failure {
            remedy: Some(
                "give the account administrator's rights on the host, others are not shown all of a share: \
                 docs/windows-hosts.md#least-privilege"
                    .to_owned(),
            ),
            ..Failure::of_values(PART, format!("of {of_no_type} shares the host does not show the type"))
        });
    }
    let item = match shape {
        Shape::Native => native,
        Shape::Infrasonar => infrasonar,
    };
    report.put(PART, "share", rows.iter().map(item).collect());
}

fn name(row: &Record) -> String {
    row.text("Name").unwrap_or_default().into_owned()
}

fn native(row: &Record) -> Item {
    let kind = row.unsigned("Type").map(ShareType::of);
    // Without a limit of its own the share has that of the host, which the row does not tell.
    let unlimited = row.boolean("AllowMaximum");
    let limit = row.unsigned("MaximumAllowed").filter(|_| unlimited != Some(true));
    Item::new(name(row))
        .with("Path", Unit::None, row.value("Path"))
        .with("Caption", Unit::None, row.value("Caption"))
        .with("Description", Unit::None, row.value("Description"))
        .with("Type", Unit::None, kind.and_then(|kind| kind.kind))
        .with("Administrative", Unit::None, kind.map(|kind| kind.special))
        .with("Temporary", Unit::None, kind.map(|kind| kind.temporary))
        .with("Cluster", Unit::None, kind.map(|kind| kind.cluster))
        .with("AllowMaximum", Unit::None, unlimited)
        .with("MaximumAllowed", Unit::Count, limit)
        .with("Status", Unit::None, row.value("Status"))
}

fn infrasonar(row: &Record) -> Item {
    Item::new(name(row))
        .with("AllowMaximum", Unit::None, row.value("AllowMaximum"))
        .with("Caption", Unit::None, row.plain("Caption"))
        .with("Description", Unit::None, row.plain("Description"))
        .with("MaximumAllowed", Unit::Count, row.value("MaximumAllowed"))
        .with("Path", Unit::None, row.plain("Path"))
        .with("Status", Unit::None, row.plain("Status"))
        .with("Type", Unit::None, row.unsigned("Type").map(|kind| ShareType::of(kind).infrasonar()))
}

#[cfg(test)]
mod tests;
